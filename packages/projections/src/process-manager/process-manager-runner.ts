import type { EventStore, TransactionalEventStore } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { ledgerFor } from "../checkpoint/ledger-for.ts";
import { atLeastOnce, type Delivery, exactlyOnce, type HandlerContext } from "../definition/delivery.ts";
import { aFunction, aStore, assertMembers, required } from "../definition/member-rules.ts";
import type { Projection } from "../definition/projection.ts";
import type { ProjectionRunner } from "../runner/projection-runner.ts";
import { Runner } from "../runner/runner.ts";
import { type CommonRunnerOptions, runnerSettings } from "../runner/runner-options.ts";
import type { RunnerReport } from "../runner/runner-report.ts";
import type { RunnerStatus } from "../runner/runner-status.ts";
import { type DueEvents, DueTimeouts } from "./due-timeouts.ts";
import type { ProcessManager } from "./process-manager.ts";
import { ProcessSteps } from "./process-step.ts";
import { TimeoutLoop } from "./timeout-loop.ts";

/** How a process manager is getting on. */
export interface ProcessManagerStatus extends RunnerStatus {
  /** Time-outs that are held back, as far as it has looked. With one it is not healthy. */
  readonly parkedTimeouts: number;
}

/** Runs a process manager: a projection runner that also handles time-outs. */
export interface ProcessManagerRunner<Guarantee extends Delivery["guarantee"] = Delivery["guarantee"]>
  extends ProjectionRunner<Guarantee> {
  /** How it is getting on. */
  status(): ProcessManagerStatus;

  /**
   * Handles time-outs that are held back, one or all, in the order in which they were due, once everything that is stored was handled.
   * `listTimeouts` shows them: they have `parked`.
   *
   * @returns how many were handled
   * @throws HandlerFailedError when one fails again; it and the later ones stay parked
   * @throws ProjectionStoppedError when the runner does not run, or is stopped meanwhile
   */
  replayTimeouts(key?: string): Promise<number>;

  /**
   * Forgets a time-out that is held back.
   *
   * @returns whether it was
   * @throws ProjectionStoppedError when the runner does not run
   */
  discardTimeout(key: string): Promise<boolean>;
}

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
): ProcessManagerRunner<"exactly-once">;
/**
 * As above, on a store without transactions: an event may come again, and has no second effect, because what it led to is found in the
 * streams of the aggregates. Those that it leads to are saved together where the store can, and one after the other where not.
 */
export function createProcessManagerRunner<Tx>(
  manager: ProcessManager<Tx>,
  options: PlainProcessManagerOptions<Tx>,
): ProcessManagerRunner<"at-least-once">;
export function createProcessManagerRunner(
  manager: ProcessManager<unknown>,
  options: UntypedOptions,
): ProcessManagerRunner {
  assertMembers("the process manager", manager, { handle: required(aFunction), expire: required(aFunction) });
  assertMembers("the options of the runner", options, { store: required(aStore) });
  const { store } = options;
  const sink = "transaction" in store && store.capabilities.transactions ? store : undefined;
  const due: DueEvents = new WeakMap();
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
        const own = due.get(event);
        if (own === undefined) await steps.handle(event);
        else await steps.expire(event, own.timeout, own.fate);
        progress.handled += 1;
        planned[own === undefined ? "byEvents" : "byTimeouts"] ||= steps.hasPlanned;
      }
    },
  };

  // Time-outs are looked up behind the checkpoint, so it is stored with each page.
  const settings = runnerSettings({ ...options, checkpointIntervalMs: 0, onReport: (report) => onReport(report) });
  const places = sink === undefined ? options : { ...options, sink };
  const ledger = ledgerFor(projection, places, { index: 0, count: 1 });
  const runner = new Runner(projection, ledger, settings);
  const timeouts = new DueTimeouts({
    runner,
    settings,
    registers: store.registers,
    due,
    onAttempt({ hasChanged }) {
      loop?.wake({ hasChanged: hasChanged || planned.byTimeouts });
      planned.byTimeouts = false;
    },
  });
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
          fire: (timeout) => timeouts.fire(timeout),
          onRetrying: (retrying) => {
            runner.retryingBesides(retrying?.error);
            if (retrying !== undefined) settings.report({ kind: "retrying", ...retrying });
          },
          fail: (error) => runner.failWith(error),
        });

  function onReport(report: RunnerReport): void {
    if (report.kind === "started") loop?.start();
    if (report.kind === "stopped" || report.kind === "failed") loop?.end();
    // Only behind a commit is what changed to be read.
    const isStored = report.kind === "progress" || report.kind === "replayed";
    loop?.wake({ hasChanged: isStored && planned.byEvents });
    if (isStored) planned.byEvents = false;
    options.onReport?.(report);
  }

  return {
    projection: runner.projection,
    guarantee: runner.guarantee,
    done: runner.done,
    start: () => runner.start(),
    stop: (stopOptions) => runner.stop(stopOptions),
    pause: (pauseOptions) => runner.pause(pauseOptions),
    resume: () => runner.resume(),
    lag: (lagOptions) => runner.lag(lagOptions),
    parked: () => runner.parked(),
    replayParked: (streamId) => runner.replayParked(streamId),
    discardParked: (streamId) => runner.discardParked(streamId),
    waitFor: (position, wait) => runner.waitFor(position, wait),
    status() {
      const status = runner.status();
      const parkedTimeouts = loop?.parked ?? 0;
      return { ...status, isHealthy: status.isHealthy && parkedTimeouts === 0, parkedTimeouts };
    },
    replayTimeouts: (key) => timeouts.replay(key),
    discardTimeout: (key) => timeouts.discard(key),
    [Symbol.asyncDispose]: () => runner.stop(),
  };
}
