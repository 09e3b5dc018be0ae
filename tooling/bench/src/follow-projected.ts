import type { EventStore } from "@es/core";
import { createProjectionRunner } from "@es/projections";
import { orderProjection } from "./order-projection.ts";

/** Runs a live projection that tells of each event when its handler runs. Resolves when it is at the head. */
export async function followProjected(
  store: EventStore<unknown>,
  onEvent: (id: string) => void,
): Promise<AsyncDisposable> {
  const caughtUp = Promise.withResolvers<void>();
  const runner = createProjectionRunner(
    orderProjection(({ id }) => onEvent(id), "now"),
    { store, onReport: ({ kind }) => (kind === "caught-up" ? caughtUp.resolve() : undefined) },
  );
  await runner.start();
  await caughtUp.promise;
  return runner;
}
