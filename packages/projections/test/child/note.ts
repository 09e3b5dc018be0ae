// Catches up with a log, at least once, and notes every event in a file before it is handled, until the head or until it is killed.
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openSqliteEventStore } from "@es/store-sqlite";
import { given, say } from "test-helpers";
import { createProjectionRunner, defineProjection } from "../../src/index.ts";
import { accountEvents } from "../accounts.ts";

const { path, notes } = given<{ path: string; notes: string }>();
await using store = await openSqliteEventStore({ path, timeoutMs: 30_000 });
let handled = 0;
const noting = defineProjection({
  name: "noting",
  events: accountEvents,
  types: ["Deposited"],
  handlers: {
    Deposited: async ({ streamId, version }) => {
      handled += 1;
      if (handled % 2 === 0) await sleep(1);
      appendFileSync(notes, `${streamId}@${version}\n`);
    },
  },
});
const runner = createProjectionRunner(noting, { store, pageSize: 20, onReport: ({ kind }) => say({ kind }) });
await runner.start();
await runner.waitFor(await store.head(), { timeoutMs: 30_000 });
await runner.stop();
