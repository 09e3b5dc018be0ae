// Runs its share of the projection `balances` until its input ends, and says what the runners report. With `pauseAt`, it stops itself
// with SIGSTOP in front of the transaction with that number, when everything that guards it has let it pass.
import {
  type CheckpointedSink,
  createSharedRunner,
  createSqliteSink,
  type LeaseOptions,
  type SharedRunner,
} from "@es/projections";
import { openNatsEventStore } from "@es/store-nats";
import { openPostgresEventStore } from "@es/store-postgres";
import Database from "better-sqlite3";
import { given, say } from "test-helpers";
import { postgresBalances, sqliteBalances } from "./balances.ts";
import { type ChildReport, reporting } from "./report.ts";

/** Where the events and the read model are. */
export type Place =
  | { readonly kind: "postgres"; readonly url: string }
  | { readonly kind: "nats"; readonly servers: string; readonly views: string };

/** What a child is told to do. */
export interface Share {
  readonly place: Place;
  readonly partitions: number;
  readonly leaseMs: number;
  readonly pauseAt?: number;
}

/** A sink in front of whose transactions the process may fall asleep. */
function pausing<Tx>(inner: CheckpointedSink<Tx>, pauseAt: number | undefined): CheckpointedSink<Tx> {
  let transactions = 0;
  return {
    registers: inner.registers,
    async transaction(work, options) {
      transactions += 1;
      if (transactions === pauseAt) {
        say({ kind: "pausing" } satisfies ChildReport);
        process.kill(process.pid, "SIGSTOP");
        say({ kind: "woken" } satisfies ChildReport);
      }
      return inner.transaction(work, options);
    },
  };
}

async function open({ place, partitions, leaseMs, pauseAt }: Share): Promise<{
  readonly runner: SharedRunner;
  readonly store: AsyncDisposable;
}> {
  const options: LeaseOptions = { partitions, leaseMs, pollMs: leaseMs / 20 };
  const common = { ...options, pageSize: 20, onReport: reporting };
  if (place.kind === "postgres") {
    const store = await openPostgresEventStore({ url: place.url });
    return {
      store,
      runner: createSharedRunner(postgresBalances(), { ...common, store, sink: pausing(store, pauseAt) }),
    };
  }
  const store = await openNatsEventStore({ servers: place.servers, name: "balances" });
  const sink = createSqliteSink(new Database(place.views, { timeout: 0 }), { timeoutMs: 30_000 });
  return { store, runner: createSharedRunner(sqliteBalances(), { ...common, store, sink: pausing(sink, pauseAt) }) };
}

const share = given<Share>();
const { runner, store } = await open(share);
runner.start();
await Promise.race([runner.done, new Promise((resolve) => process.stdin.on("end", resolve).resume())]);
await runner.stop();
await store[Symbol.asyncDispose]();
process.stdin.destroy();
say({ kind: "ended" } satisfies ChildReport);
