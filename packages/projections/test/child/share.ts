// Runs its share of the projection `balances` until its input ends, and says what the runners report. With `pauseAt`, it stops itself
// with SIGSTOP in front of the transaction with that number, when everything that guards it has let it pass.
import { isEventSourcingError } from "@es/core";
import { openSqliteEventStore } from "@es/store-sqlite";
import Database from "better-sqlite3";
import { given, say } from "test-helpers";
import { type CheckpointedSink, createSharedRunner, createSqliteSink, type RunnerReport } from "../../src/index.ts";
import { type BalanceDatabase, balances } from "../balances.ts";

const { path, views, partitions, leaseMs, pauseAt } = given<{
  path: string;
  views: string;
  partitions: number;
  leaseMs: number;
  pauseAt?: number;
}>();
await using store = await openSqliteEventStore({ path, timeoutMs: 30_000, pollIntervalMs: 5 });
const inner = createSqliteSink(new Database(views, { timeout: 0 }), { timeoutMs: 30_000 });
let transactions = 0;
const sink: CheckpointedSink<BalanceDatabase> = {
  registers: inner.registers,
  async transaction(work, options) {
    transactions += 1;
    if (transactions === pauseAt) {
      say({ kind: "pausing" });
      process.kill(process.pid, "SIGSTOP");
      say({ kind: "woken" });
    }
    return inner.transaction(work, options);
  },
};

function onReport(report: RunnerReport): void {
  const code = "error" in report && isEventSourcingError(report.error) ? report.error.code : undefined;
  say({ kind: report.kind, code, position: "position" in report ? report.position : undefined });
}

const runner = createSharedRunner(balances(), {
  store,
  sink,
  partitions,
  leaseMs,
  pageSize: 20,
  pollMs: leaseMs / 20,
  onReport,
});
runner.start();
await Promise.race([runner.done, new Promise((resolve) => process.stdin.on("end", resolve).resume())]);
await runner.stop();
process.stdin.destroy();
say({ kind: "ended" });
