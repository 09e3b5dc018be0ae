import type { EventStore, RecordedEvent, TransactionalEventStore } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { atLeastOnce, type Delivery, exactlyOnce, type HandlerContext } from "./delivery.ts";
import { HandlerFailedError } from "./errors.ts";
import { ledgerFor } from "./ledger-for.ts";
import { aFunction, assertMembers, aStore, required } from "./member-rules.ts";
import type { ProcessManager } from "./process-manager.ts";
import { ProcessSteps } from "./process-step.ts";
import type { Projection } from "./projection.ts";
import type { ProjectionRunner } from "./projection-runner.ts";
import { isTransient } from "./retry.ts";
import { Runner } from "./runner.ts";
import { type CommonRunnerOptions, runnerSettings } from "./runner-options.ts";
import type { RunnerReport } from "./runner-report.ts";
import { eventOf, TimeoutLoop } from "./timeout-loop.ts";
import type { PendingTimeout } from "./timeout.ts";

/** What a runner of a process manager takes. */
export interface ProcessManagerOptions<Tx> extends CommonRunnerOptions {
  /** The store that is read, and that the aggregates are saved in. */
  readonly store: TransactionalEventStore<Tx>;
}

/** What a runner of a process manager takes on a store without transactions. */
export interface PlainProcessManagerOptions<Tx> extends CommonRunnerOptions {
  /** The store that is read, and that the aggregates are saved in. */
  readonly store: EventStore<Tx>;
}

interface UntypedOptions extends CommonRunnerOptions {
  readonly store: EventStore<unknown> | TransactionalEventStore<unknown>;
}

/**
 * A runner for a process manager. It is a projection runner: start, stop, wait, park and replay as with any other. Time-outs are
 * handled while it is live.
 */
export function createProcessManagerRunner<Tx>(
  manager: ProcessManager<Tx>,
  options: ProcessManagerOptions<Tx>,
): ProjectionRunner<"exactly-once">;
/**
 * As above, on a store without transactions: an event may come again, and has no second effect, because what it led to is found in the
 * streams of the aggregates. Those that it leads to are saved together where the store can, and one after the other where not.
 */
export function createProcessManagerRunner<Tx>(
  manager: ProcessManager<Tx>,
  options: PlainProcessManagerOptions<Tx>,
): ProjectionRunner<"at-least-once">;
export function createProcessManagerRunner(
  manager: ProcessManager<unknown>,
  options: UntypedOptions,
): ProjectionRunner {
  assertMembers("the process manager", manager, { handle: required(aFunction), expire: required(aFunction) });
  assertMembers("the options of the runner", options, { store: required(aStore) });
  const { store } = options;
  const sink = "transaction" in store && store.capabilities.transactions ? store : undefined;
  const due = new WeakMap<RecordedEvent, PendingTimeout>();
  const skipped = new WeakSet<PendingTimeout>();
  /** Whether time-outs were planned or cancelled since the loop was told so: by events, and by time-outs. */
  const planned = { byEvents: false, byTimeouts: false };

  const projection: Projection<Delivery> = {
    name: manager.name,
    delivery: sink === undefined ? atLeastOnce : exactlyOnce(),
    filter: manager.filter,
    from: manager.from,
    isSingle: true,
    async apply(events, context: HandlerContext & { readonly tx?: unknown }, progress) {
      // One for each attempt: after a rollback the aggregates in it are wrong.
      const steps = new ProcessSteps(manager, store, context.tx === undefined ? {} : { tx: context.tx }, () =>
        ledger.assertHeld(),
      );
      for (const event of events) {
        // What comes now is no longer for this runner.
        throwIfAborted(context.signal);
        const timeout = due.get(event);
        if (timeout === undefined) await steps.handle(event);
        else await steps.expire(event, timeout, skipped.has(timeout));
        progress.handled += 1;
        planned[timeout === undefined ? "byEvents" : "byTimeouts"] ||= steps.hasPlanned;
      }
    },
  };

  // Time-outs are looked up behind the checkpoint, so it is stored with each page.
  const settings = runnerSettings({ ...options, checkpointIntervalMs: 0, onReport: (report) => onReport(report) });
  const places = sink === undefined ? options : { ...options, sink };
  const ledger = ledgerFor(projection, places, { index: 0, count: 1 });
  const runner = new Runner(projection, ledger, settings);
  const loop =
    manager.timeouts === undefined
      ? undefined
      : new TimeoutLoop({
          manager: manager.name,
          registers: store.registers,
          clock: settings.clock,
          storeRetry: settings.storeRetry,
          random: settings.random,
          isLive: () => runner.status().state === "live",
          position: () => runner.status().position,
          head: (signal) => store.head({ signal }),
          fire,
          onRetrying: (retrying) => {
            runner.retryingBesides(retrying?.error);
            if (retrying !== undefined) settings.report({ kind: "retrying", ...retrying });
          },
          fail: (error) => runner.failWith(error),
        });

  async function fire(timeout: PendingTimeout): Promise<boolean> {
    const event = eventOf(timeout);
    due.set(event, timeout);
    const { isHandled, failure } = await runner.insert(event);
    loop?.wake({ hasChanged: planned.byTimeouts });
    planned.byTimeouts = false;
    if (failure === undefined) return isHandled;
    const { error } = failure;
    // An outage is no fault of the time-out, however long it lasts.
    const isItsFault = error instanceof HandlerFailedError && !isTransient(error.cause);
    if (settings.onFailure.kind !== "skip" || !isItsFault) {
      runner.failWith(error);
      return false;
    }
    skipped.add(timeout);
    const again = await runner.insert(event);
    if (again.failure !== undefined) runner.failWith(again.failure.error);
    if (again.isHandled) settings.report({ kind: "skipped", event, error: error.cause, attempts: error.attempts });
    return again.isHandled;
  }

  function onReport(report: RunnerReport): void {
    if (report.kind === "started") loop?.start();
    if (report.kind === "stopped" || report.kind === "failed") loop?.end();
    // Only behind a commit is what changed to be read.
    const isStored = report.kind === "progress" || report.kind === "replayed";
    loop?.wake({ hasChanged: isStored && planned.byEvents });
    if (isStored) planned.byEvents = false;
    options.onReport?.(report);
  }

  return runner;
}
