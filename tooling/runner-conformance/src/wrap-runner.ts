import type { CommonRunnerOptions, ProjectionRunner, RunnerOptions, SharedRunner } from "@es/projections";
import type { RunnersUnderTest } from "@es/projections/conformance";

/** A runner that passes every call on, except for what `changes` does itself. */
export function wrapRunner(inner: ProjectionRunner, changes: Partial<ProjectionRunner>): ProjectionRunner {
  return {
    projection: inner.projection,
    guarantee: inner.guarantee,
    done: inner.done,
    start: () => inner.start(),
    stop: (options) => inner.stop(options),
    pause: () => inner.pause(),
    resume: () => inner.resume(),
    status: () => inner.status(),
    lag: (options) => inner.lag(options),
    parked: () => inner.parked(),
    replayParked: (streamId) => inner.replayParked(streamId),
    discardParked: (streamId) => inner.discardParked(streamId),
    waitFor: (position, options) => inner.waitFor(position, options),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    ...changes,
  };
}

/** Changes what runners of a projection that is delivered at least once do when they are called. */
export function changeCalls(
  change: (inner: ProjectionRunner) => Partial<ProjectionRunner>,
): (runners: RunnersUnderTest) => RunnersUnderTest {
  return (runners) => ({
    ...runners,
    atLeastOnce: (projection, options) => {
      const inner = runners.atLeastOnce(projection, options);
      return wrapRunner(inner, change(inner));
    },
  });
}

/** As {@link changeCalls}, for runners that share their work. */
export function changeSharedCalls(
  change: (inner: SharedRunner) => Partial<SharedRunner>,
): (runners: RunnersUnderTest) => RunnersUnderTest {
  return (runners) => ({
    ...runners,
    shared: (projection, options) => {
      const inner = runners.shared(projection, options);
      return {
        projection: inner.projection,
        done: inner.done,
        start: () => inner.start(),
        stop: (stopping) => inner.stop(stopping),
        status: () => inner.status(),
        waitFor: (position, waiting) => inner.waitFor(position, waiting),
        replayParked: (streamId) => inner.replayParked(streamId),
        discardParked: (streamId) => inner.discardParked(streamId),
        [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
        ...change(inner),
      };
    },
  });
}

/** Runners with other options than they were given. */
export function overOptions(
  change: (options: CommonRunnerOptions) => Partial<RunnerOptions>,
): (runners: RunnersUnderTest) => RunnersUnderTest {
  return (runners) => ({
    ...runners,
    atLeastOnce: (projection, options) => runners.atLeastOnce(projection, { ...options, ...change(options) }),
    shared: (projection, options) => runners.shared(projection, { ...options, ...change(options) }),
  });
}
