// Runs the process manager `fulfilment` until its input ends, and says what the runner reports.
import { createProcessManagerRunner, type ProcessManagerRunner } from "@es/projections";
import { openNatsEventStore } from "@es/store-nats";
import { openPostgresEventStore } from "@es/store-postgres";
import { fulfilment } from "./fulfilment.ts";
import { reporting, say } from "./report.ts";
import type { Place } from "./share.ts";

async function open(place: Place): Promise<{ readonly runner: ProcessManagerRunner; readonly store: AsyncDisposable }> {
  const common = { pageSize: 3, onReport: reporting };
  if (place.kind === "postgres") {
    const store = await openPostgresEventStore({ url: place.url });
    return { store, runner: createProcessManagerRunner(fulfilment(store), { ...common, store }) };
  }
  const store = await openNatsEventStore({ servers: place.servers, name: "balances" });
  return { store, runner: createProcessManagerRunner(fulfilment(store), { ...common, store }) };
}

const { place }: { readonly place: Place } = JSON.parse(process.argv[2] ?? "{}");
const { runner, store } = await open(place);
await runner.start();
const ended = runner.done.catch(() => undefined);
await Promise.race([ended, new Promise((resolve) => process.stdin.on("end", resolve).resume())]);
await runner.stop();
await store[Symbol.asyncDispose]();
process.stdin.destroy();
say({ kind: "ended" });
