// Opens a store, closes it when it is told to, and has nothing more to do then.
import { once } from "node:events";
import { given, say, writeOf } from "test-helpers";
import { openPostgresEventStore } from "../../src/index.ts";

const { url, timeoutMs } = given<{ url: string; timeoutMs: number }>();
const store = await openPostgresEventStore({ url, timeoutMs });
await store.append(writeOf("a-1", 0));
say("open");
await once(process.stdin, "data");
process.stdin.destroy();
await store[Symbol.asyncDispose]();
say("closed");
