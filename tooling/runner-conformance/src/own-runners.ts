import type { EventStore, RecordedEvent } from "@es/core";
import {
  createProcessManagerRunner,
  createProjectionRunner,
  createSharedRunner,
  type Delivery,
  type Projection,
} from "@es/projections";
import type { RunnersUnderTest } from "@es/projections/conformance";

/** The right runners. */
export const ownRunners: RunnersUnderTest = {
  atLeastOnce: (projection, options) => createProjectionRunner(projection, options),
  exactlyOnce: (projection, options) => createProjectionRunner(projection, options),
  shared: (projection, options) => createSharedRunner(projection, options),
  sharedExactlyOnce: (projection, options) => createSharedRunner(projection, options),
  processManager: (manager, options) => createProcessManagerRunner(manager, options),
};

/** Runners that see a changed store where the cases see the right one. */
export function overStore(
  change: <Tx>(store: EventStore<Tx>) => EventStore<Tx>,
): (runners: RunnersUnderTest) => RunnersUnderTest {
  return (runners) => ({
    ...runners,
    atLeastOnce: (projection, options) => runners.atLeastOnce(projection, { ...options, store: change(options.store) }),
    exactlyOnce: (projection, options) => runners.exactlyOnce(projection, { ...options, store: change(options.store) }),
    shared: (projection, options) => runners.shared(projection, { ...options, store: change(options.store) }),
    sharedExactlyOnce: (projection, options) =>
      runners.sharedExactlyOnce(projection, { ...options, store: change(options.store) }),
  });
}

/** Runners that run a changed projection. */
export function overProjection(
  change: <D extends Delivery>(projection: Projection<D>) => Projection<D>,
): (runners: RunnersUnderTest) => RunnersUnderTest {
  return (runners) => ({
    ...runners,
    atLeastOnce: (projection, options) => runners.atLeastOnce(change(projection), options),
    exactlyOnce: (projection, options) => runners.exactlyOnce(change(projection), options),
    shared: (projection, options) => runners.shared(change(projection), options),
    sharedExactlyOnce: (projection, options) => runners.sharedExactlyOnce(change(projection), options),
  });
}

/** Handles events one by one in another order, or in another way, than they come. */
export function changeEvents(
  change: (events: readonly RecordedEvent[]) => readonly RecordedEvent[],
): (runners: RunnersUnderTest) => RunnersUnderTest {
  return overProjection((projection) => ({
    ...projection,
    apply: async (events, context, progress) => {
      await projection.apply(change(events), context, progress);
      progress.handled = events.length;
    },
  }));
}
