import type { EventStore } from "@es/core";
import type { ProjectionRunner, RunnerOptions } from "../index.ts";
import type { Notes } from "./notes.ts";
import type { RunnerCaseContext } from "./runner-case.ts";

/** Starts a runner for notes, over the store of the case unless told otherwise. */
export async function start(
  { store, runners, within }: RunnerCaseContext,
  notes: Notes,
  options: Partial<RunnerOptions> = {},
): Promise<ProjectionRunner> {
  const runner = runners.atLeastOnce(notes.projection, { store, onReport: notes.onReport, ...options });
  await within(runner.start(), "the runner to start");
  return runner;
}

/** Resolves when a runner has handled everything that is in the store now. */
export async function toHead(
  { store, within }: RunnerCaseContext,
  runner: ProjectionRunner,
  of: EventStore<unknown> = store,
): Promise<void> {
  await within(runner.waitFor(await of.head()), "the runner to reach the head");
}

/** Stops a runner and waits for its end. */
export async function stop({ within }: RunnerCaseContext, runner: ProjectionRunner): Promise<void> {
  await within(runner.stop(), "the runner to stop");
  await within(runner.done, "the runner to be done");
}

/** Starts a runner, lets it reach the head, and stops it. */
export async function runToHead(
  context: RunnerCaseContext,
  notes: Notes,
  options: Partial<RunnerOptions> = {},
): Promise<void> {
  const runner = await start(context, notes, options);
  await toHead(context, runner, options.store);
  await stop(context, runner);
}
