// One live reader. It notes each page with its position, and goes on from there when it was killed and starts again.
import { openSqliteEventStore } from "@es/store-sqlite";
import { LineWriter, readLines, type SeenPage } from "./journal.ts";

const [path = "", seenPath = ""] = process.argv.slice(2);
const after = readLines<SeenPage>(seenPath).at(-1)?.next ?? "";
const seen = new LineWriter<SeenPage>(seenPath);
const store = await openSqliteEventStore({ path, timeoutMs: 20_000, readOnly: process.argv[4] === "read-only" });
process.send?.("ready");
for await (const { events, next } of store.readAll({ after, live: true, pageSize: 100 })) {
  seen.write({ ids: events.map(({ id }) => id), next });
}
