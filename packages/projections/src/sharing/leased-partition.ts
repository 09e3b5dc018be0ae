import { isEventSourcingError } from "@es/core";
import type { Ledger } from "../checkpoint/ledger.ts";
import type { Delivery } from "../definition/delivery.ts";
import type { Projection } from "../definition/projection.ts";
import { WaitTimeoutError } from "../errors/errors.ts";
import { Runner } from "../runner/runner.ts";
import type { RunnerSettings } from "../runner/runner-options.ts";
import { guardedLedger } from "./guarded-ledger.ts";
import { Lease, type LeaseParts, type Places } from "./lease.ts";
import type { PartitionStatus } from "./shared-runner.ts";

/** What a partition is made of. */
export interface PartitionParts {
  readonly index: number;
  readonly projection: Projection<Delivery>;
  readonly lease: LeaseParts;
  readonly settings: RunnerSettings;
  /** A ledger of its own for each runner. */
  readonly newLedger: () => Ledger;
  readonly places: Places;
  /** How long a runner may take to stop. */
  readonly drainMs: () => number;
}

/** Runs one partition whenever it gets its lease. */
export class LeasedPartition {
  readonly #parts: PartitionParts;
  readonly #lease: Lease;
  #runner: Runner | undefined;
  /** Aborts when another process is to have the partition. */
  #leaving = new AbortController();

  constructor(parts: PartitionParts) {
    this.#parts = parts;
    this.#lease = new Lease(parts.lease);
  }

  get status(): PartitionStatus {
    const { token, isHeld } = this.#lease;
    return { partition: this.#parts.index, isHeld, token, runner: this.#runner?.status() };
  }

  /** The runner, while this process has the lease. */
  get runner(): Runner | undefined {
    return this.#runner;
  }

  /** Whether it is being handed over. */
  get isLeaving(): boolean {
    return this.#leaving.signal.aborted;
  }

  /** Finishes the page at hand and gives the lease back, so that another process can go on. @returns whether it had it */
  handOver(): boolean {
    if (this.#runner === undefined || this.#leaving.signal.aborted) return false;
    this.#leaving.abort();
    return true;
  }

  /** Runs until the signal aborts. @throws what a runner gave up with, unless it only lost its lease */
  async run(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      try {
        await this.#lease.acquire(stopping, this.#parts.places);
      } catch (error) {
        if (stopping.aborted) return;
        throw error;
      }
      try {
        await this.#runHeld(stopping);
      } catch (error) {
        if (!isOvertaken(error)) throw error;
      } finally {
        this.#runner = undefined;
        await this.#lease.release();
        this.#leaving = new AbortController();
        this.#parts.places.free();
      }
    }
  }

  async #runHeld(stopping: AbortSignal): Promise<void> {
    const { projection, newLedger, settings, lease, drainMs } = this.#parts;
    const runner = new Runner(projection, guardedLedger(newLedger(), this.#lease, lease.key), settings);
    this.#runner = runner;
    const keeping = new AbortController();
    const lost = this.#lease.keep(keeping.signal);
    lost.catch(() => undefined);
    const stopped = Promise.withResolvers<void>();
    const onStop = (): void => stopped.resolve();
    const ending = AbortSignal.any([stopping, this.#leaving.signal]);
    ending.addEventListener("abort", onStop, { once: true });
    if (ending.aborted) onStop();
    try {
      const started = runner.start();
      await Promise.race([Promise.all([started, runner.done]), lost, stopped.promise]);
      // A runner that drains keeps its lease meanwhile.
      if (ending.aborted) await Promise.race([runner.stop({ timeoutMs: drainMs() }), lost]);
    } catch (error) {
      // One that hands over late hands over all the same: it can store nothing any more.
      if (stopping.aborted || !(error instanceof WaitTimeoutError)) throw error;
    } finally {
      ending.removeEventListener("abort", onStop);
      keeping.abort();
      await lost.catch(() => undefined);
      // Whatever is still running can store nothing any more: its checkpoint belongs to another one, or soon will.
      runner.abandon();
    }
  }
}

/** Whether somebody else has the work now, which is no failure. */
function isOvertaken(error: unknown): boolean {
  return isEventSourcingError(error) && (error.code === "ES_LEASE_LOST" || error.code === "ES_CHECKPOINT_CONFLICT");
}
