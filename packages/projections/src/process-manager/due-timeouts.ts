import { ConfigurationError, type RecordedEvent, type Registers } from "@es/core";
import { HandlerFailedError, ParkingFullError, ProjectionStoppedError } from "../errors/errors.ts";
import { keptError } from "../parking/parked.ts";
import { isTransient } from "../runner/retry.ts";
import type { Inserted, Runner } from "../runner/runner.ts";
import type { RunnerSettings } from "../runner/runner-options.ts";
import type { TimeoutFate } from "./process-step.ts";
import type { PendingTimeout } from "./timeout.ts";
import { eventOf } from "./timeout-loop.ts";
import { listTimeouts } from "./timeout-register.ts";

/** What events stand for that are none: a time-out, and what is to become of it. */
export type DueEvents = WeakMap<RecordedEvent, { readonly timeout: PendingTimeout; readonly fate: TimeoutFate }>;

/** What is needed to bring a time-out to its end. */
export interface DueTimeoutsParts {
  readonly runner: Runner;
  readonly settings: RunnerSettings;
  readonly registers: Registers<unknown>;
  /** Where the projection of the runner looks up what an event stands for. */
  readonly due: DueEvents;
  /** Called behind every attempt. `hasChanged` says that what waits is to be read again. */
  readonly onAttempt: (facts: { readonly hasChanged: boolean }) => void;
}

/** Lets a runner handle time-outs between its pages, in the form of events, and holds back those that fail too often. */
export class DueTimeouts {
  readonly #parts: DueTimeoutsParts;

  constructor(parts: DueTimeoutsParts) {
    this.#parts = parts;
  }

  /** Handles one that is due. @returns whether it did: not while the runner is paused or stops */
  async fire(timeout: PendingTimeout): Promise<boolean> {
    const { runner, settings } = this.#parts;
    const { isHandled, failure } = await this.#bring(timeout, "handled");
    if (failure === undefined) return isHandled;
    const { error } = failure;
    const { kind } = settings.onFailure;
    // An outage is no fault of the time-out, however long it lasts.
    if (kind === "stop" || !(error instanceof HandlerFailedError) || isTransient(error.cause)) {
      runner.failWith(error);
      return false;
    }
    const again = await (kind === "skip" ? this.#bring(timeout, "dropped") : this.#park(timeout, error));
    if (again.failure !== undefined) runner.failWith(again.failure.error);
    if (again.isHandled) {
      const facts = { event: eventOf(timeout), error: error.cause, attempts: error.attempts };
      settings.report({ kind: kind === "skip" ? "skipped" : "parked", ...facts });
    }
    return again.isHandled;
  }

  /** Handles what is held back, in the order in which it was due. @throws the error of the first that fails again */
  async replay(key?: string): Promise<number> {
    let handled = 0;
    for (const timeout of await this.#parked(key)) {
      const { isHandled, failure } = await this.#bring(timeout, "handled");
      if (failure !== undefined) {
        if (failure.error instanceof HandlerFailedError) await this.#park(timeout, failure.error);
        throw failure.error;
      }
      if (!isHandled) throw new ProjectionStoppedError(this.#parts.runner.projection);
      handled += 1;
    }
    return handled;
  }

  /** Forgets one that is held back. @returns whether it was */
  async discard(key: string): Promise<boolean> {
    const [timeout] = await this.#parked(key);
    if (timeout === undefined) return false;
    const { isHandled, failure } = await this.#bring(timeout, "dropped");
    if (failure !== undefined) throw failure.error;
    if (!isHandled) throw new ProjectionStoppedError(this.#parts.runner.projection);
    return true;
  }

  /** What is held back, once everything was handled that is stored: it may have been cancelled. */
  async #parked(key: string | undefined): Promise<readonly PendingTimeout[]> {
    const { runner, settings, registers } = this.#parts;
    const { state } = runner.status();
    if (state === "paused") {
      throw new ConfigurationError(
        `the process manager ${JSON.stringify(runner.projection)} is paused, and handles no time-outs; resume() it first`,
      );
    }
    if (["idle", "stopping", "stopped"].includes(state)) throw new ProjectionStoppedError(runner.projection);
    await runner.waitFor(await settings.store.head());
    const waiting = await listTimeouts(registers, runner.projection);
    return waiting.filter((timeout) => timeout.parked !== undefined && (key === undefined || timeout.key === key));
  }

  async #park(timeout: PendingTimeout, failure: HandlerFailedError): Promise<Inserted> {
    const { runner, settings, registers } = this.#parts;
    const { onFailure, clock } = settings;
    if (onFailure.kind === "park" && timeout.parked === undefined) {
      const others = (await listTimeouts(registers, runner.projection)).filter(({ parked }) => parked !== undefined);
      const count = others.length + 1;
      if (count > onFailure.maxStreams) {
        const facts = { streams: count, events: count, ...onFailure };
        return {
          isHandled: false,
          failure: { error: new ParkingFullError(runner.projection, facts, { cause: failure }) },
        };
      }
    }
    return this.#bring(timeout, {
      attempts: (timeout.parked?.attempts ?? 0) + failure.attempts,
      error: keptError(failure.cause),
      parkedAt: timeout.parked?.parkedAt ?? clock.now(),
    });
  }

  async #bring(timeout: PendingTimeout, fate: TimeoutFate): Promise<Inserted> {
    const event = eventOf(timeout);
    this.#parts.due.set(event, { timeout, fate });
    const inserted = await this.#parts.runner.insert(event);
    this.#parts.onAttempt({ hasChanged: fate !== "handled" || timeout.parked !== undefined });
    return inserted;
  }
}
