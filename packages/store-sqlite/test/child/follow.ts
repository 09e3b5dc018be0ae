// Reads live until it has seen as many events as it was told, and says them in the order seen.
import { given, say } from "test-helpers";
import { openSqliteEventStore } from "../../src/index.ts";

const { path, count } = given<{ path: string; count: number }>();
await using store = await openSqliteEventStore({ path });
const seen: string[] = [];
say("following");
for await (const page of store.readAll({ live: true, pageSize: 50 })) {
  seen.push(...page.events.map(({ id }) => id));
  if (seen.length >= count) break;
}
say(seen);
