// Uses every part of a store, closes it, and must then end by itself.
import { given, say, writeOf } from "test-helpers";
import { LiveLog } from "test-helpers/live-log";
import { openKurrentDbEventStore } from "../../src/index.ts";

const { connectionString } = given<{ connectionString: string }>();
const store = await openKurrentDbEventStore({ connectionString });
const live = new LiveLog(store);
const write = writeOf("a-1");
await store.append(write);
await live.shows(write.events[0]?.id);
await store.registers.set("k", "v");
await live.stop();
await store[Symbol.asyncDispose]();
say("closed");
