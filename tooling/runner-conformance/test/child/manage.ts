// Runs the process manager `fulfilment` until its input ends, and says what the runner reports.
import { createProcessManagerRunner, type ProcessManagerRunner } from "@es/projections";
import { openNatsEventStore } from "@es/store-nats";
import { openPostgresEventStore } from "@es/store-postgres";
import { given, say } from "test-helpers";
import { fulfilment } from "./fulfilment.ts";
import { mortal } from "./mortal.ts";
import { reporting } from "./report.ts";
import type { Place } from "./share.ts";

/** What a child is told to do. With `dieAt` it is killed behind its write with that number. */
export interface Task {
  readonly place: Place;
  readonly dieAt?: number;
}

async function open({
  place,
  dieAt,
}: Task): Promise<{ readonly runner: ProcessManagerRunner; readonly store: AsyncDisposable }> {
  const common = { pageSize: 3, onReport: reporting };
  if (place.kind === "postgres") {
    const store = mortal(await openPostgresEventStore({ url: place.url }), dieAt);
    return { store, runner: createProcessManagerRunner(fulfilment(store), { ...common, store }) };
  }
  const store = mortal(await openNatsEventStore({ servers: place.servers, name: "balances" }), dieAt);
  return { store, runner: createProcessManagerRunner(fulfilment(store), { ...common, store }) };
}

const { runner, store } = await open(given<Task>());
await runner.start();
const ended = runner.done.catch(() => undefined);
await Promise.race([ended, new Promise((resolve) => process.stdin.on("end", resolve).resume())]);
await runner.stop();
await store[Symbol.asyncDispose]();
process.stdin.destroy();
say({ kind: "ended" });
