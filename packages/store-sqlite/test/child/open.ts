// Opens the store, appends one event and says which store it was.
import { given, say } from "test-helpers";
import { openSqliteEventStore } from "../../src/index.ts";

const { path, startAt } = given<{ path: string; startAt: number }>();
await new Promise((resolve) => setTimeout(resolve, startAt - Date.now()));
await using store = await openSqliteEventStore({ path, timeoutMs: 20_000 });
const { position } = await store.append({
  streamId: "opened-1",
  expected: "any",
  events: [{ type: "Opened", data: process.pid }],
});
say({ identity: await store.identity(), position });
