import {
  createProcessManagerRunner,
  createProjectionRunner,
  createSharedRunner,
  type ExactlyOnce,
  type ExactlyOnceRunnerOptions,
  type LeaseOptions,
  type PlainProcessManagerOptions,
  type ProcessManager,
  type Projection,
  type ProjectionRunner,
  type RunnerOptions,
  type SharedRunner,
} from "../index.ts";

/** The functions that make runners. A wrapper around them is tested by passing it in their place. */
export interface RunnersUnderTest {
  /** As `createProjectionRunner` for effects that may come again. */
  atLeastOnce(projection: Projection, options: RunnerOptions): ProjectionRunner;
  /** As `createProjectionRunner` for effects in transactions. */
  exactlyOnce(
    projection: Projection<ExactlyOnce<unknown>>,
    options: ExactlyOnceRunnerOptions<unknown>,
  ): ProjectionRunner;
  /** As `createSharedRunner` for effects that may come again. */
  shared(projection: Projection, options: RunnerOptions & LeaseOptions): SharedRunner;
  /** As `createSharedRunner` for effects in transactions. */
  sharedExactlyOnce(
    projection: Projection<ExactlyOnce<unknown>>,
    options: ExactlyOnceRunnerOptions<unknown> & LeaseOptions,
  ): SharedRunner;
  /** As `createProcessManagerRunner`. */
  processManager(manager: ProcessManager<unknown>, options: PlainProcessManagerOptions<unknown>): ProjectionRunner;
}

/** The runners of this package. */
export const ownRunners: RunnersUnderTest = {
  atLeastOnce: (projection, options) => createProjectionRunner(projection, options),
  exactlyOnce: (projection, options) => createProjectionRunner(projection, options),
  shared: (projection, options) => createSharedRunner(projection, options),
  sharedExactlyOnce: (projection, options) => createSharedRunner(projection, options),
  processManager: (manager, options) => createProcessManagerRunner(manager, options),
};
