// Opens a store as a user without rights and says how that ends. Only root can become another user.
import { isEventSourcingError } from "@es/core";
import { given, say } from "test-helpers";
import { openSqliteEventStore } from "../../src/index.ts";

const { path } = given<{ path: string }>();
await (await openSqliteEventStore({ path: ":memory:" }))[Symbol.asyncDispose]();
if (process.getuid?.() === 0) process.setuid?.(65_534);
try {
  const store = await openSqliteEventStore({ path });
  let events = 0;
  for await (const page of store.readAll()) events += page.events.length;
  say({ events });
  await store.append({ streamId: "a-1", expected: "any", events: [{ type: "Added", data: 1 }] });
} catch (error) {
  say(isEventSourcingError(error) ? { code: error.code, message: error.message } : { leaked: String(error) });
}
