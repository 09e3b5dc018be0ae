// Rebuilds `balances` as version 2 in a file that others read, slowly, so that it can be killed in the middle.
import { setTimeout as sleep } from "node:timers/promises";
import { openSqliteEventStore } from "@es/store-sqlite";
import Database from "better-sqlite3";
import { given, say } from "test-helpers";
import { createSqliteSink, rebuildProjection } from "../../src/index.ts";
import { rebuildOptions, version } from "../versions.ts";

const { path, views } = given<{ path: string; views: string }>();
await using store = await openSqliteEventStore({ path, timeoutMs: 30_000 });
const sink = createSqliteSink(new Database(views, { timeout: 0 }), { timeoutMs: 30_000 });
let handled = 0;
const slow = version(2, async () => {
  handled += 1;
  if (handled % 10 === 0) say({ kind: "handled", handled });
  await sleep(1);
});
await rebuildProjection(slow, { ...rebuildOptions(2, store, sink), pageSize: 5 });
say({ kind: "switched" });
