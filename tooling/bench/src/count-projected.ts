import type { EventStore } from "@es/core";
import { createProjectionRunner } from "@es/projections";
import { orderProjection } from "./order-projection.ts";

const LIMIT_MS = 600_000;

/** Runs a new projection over the whole log, with a handler that counts; resolves to the number of events. */
export async function countProjected<Tx>(
  store: EventStore<Tx>,
  onCount: (count: number) => void = () => undefined,
): Promise<number> {
  let count = 0;
  const projection = orderProjection(() => {
    count += 1;
    onCount(count);
  });
  const runner = createProjectionRunner(projection, { store });
  const head = await store.head();
  await runner.start();
  await runner.waitFor(head, { timeoutMs: LIMIT_MS });
  await runner.stop();
  return count;
}
