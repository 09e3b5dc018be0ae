// Made test/golden/format-1.db, once, with the first release of format 1. Kept to show what is in that file; never run it
// again for the same format: the file must stay as that release wrote it.
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { openSqliteEventStore } from "../../src/index.ts";
import { GOLDEN_EVENTS, GOLDEN_TIME } from "./golden-events.ts";

const path = fileURLToPath(new URL("format-1.db", import.meta.url));
const database = new Database(":memory:");
database.pragma("page_size = 512");
const store = await openSqliteEventStore({ database, clock: () => GOLDEN_TIME });
for (const { streamId, ...event } of GOLDEN_EVENTS) await store.append({ streamId, expected: "any", events: [event] });
await store.registers.set("kept", "first");
await store.registers.set("kept", '{"n":2}');
await store.registers.set("deleted", "gone");
await store.registers.delete("deleted");
await store[Symbol.asyncDispose]();
rmSync(path, { force: true });
database.prepare("VACUUM INTO ?").run(path);
database.close();
