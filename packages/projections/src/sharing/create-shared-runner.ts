import { ConfigurationError, type Registers } from "@es/core";
import { checkpointKey } from "../checkpoint/checkpoint.ts";
import { assertRunnable, checkpointRegisters, ledgerFor, type UntypedRunnerOptions } from "../checkpoint/ledger-for.ts";
import type { Delivery, ExactlyOnce } from "../definition/delivery.ts";
import { assertMembers, assertTimeLimit, someRegisters } from "../definition/member-rules.ts";
import type { Projection } from "../definition/projection.ts";
import { ProjectionStoppedError, WaitTimeoutError } from "../errors/errors.ts";
import { type ExactlyOnceRunnerOptions, type RunnerOptions, runnerSettings } from "../runner/runner-options.ts";
import { Balance } from "./balance.ts";
import { LeasedPartition } from "./leased-partition.ts";
import { assertPartitions, partitionKey, partitionOf } from "./partition.ts";
import type { PartitionStatus, SharedRunner, ShareOptions } from "./shared-runner.ts";
import { type SharedWaitParts, waitForPartitions } from "./shared-wait.ts";

const STOP_TIMEOUT_MS = 30_000;
const LEASE_MS = 10_000;

/** Options of the leases, and where they are kept. */
export interface LeaseOptions extends ShareOptions {
  /**
   * Where the leases are kept.
   * @defaultValue the registers of the store
   */
  readonly leases?: Registers<unknown>;
}

/**
 * A runner for a projection that several processes run together: each partition is run by one of them at a time, and by another
 * one when that stops or dies. A process that was paused and wakes up can store nothing of what another one has taken over; in
 * exactly-once delivery its effects are rolled back too.
 *
 * @throws ConfigurationError when an option is wrong
 */
export function createSharedRunner(projection: Projection, options: RunnerOptions & LeaseOptions): SharedRunner;
/** As above, for a projection whose effects are written in transactions of the sink. */
export function createSharedRunner<Tx>(
  projection: Projection<ExactlyOnce<Tx>>,
  options: ExactlyOnceRunnerOptions<NoInfer<Tx>> & LeaseOptions,
): SharedRunner;
export function createSharedRunner(
  projection: Projection<Delivery>,
  options: UntypedRunnerOptions & LeaseOptions,
): SharedRunner {
  assertRunnable(projection, options);
  assertMembers("the options of the shared runner", options, { leases: someRegisters });
  const settings = runnerSettings(options);
  const { partitions: count = 1, leaseMs = LEASE_MS } = options;
  const { maxPartitions = count, pollMs = Math.min(1_000, leaseMs / 4) } = options;
  assertPartitions({ partitions: count, maxPartitions });
  if (!Number.isFinite(leaseMs) || leaseMs < 10 || !Number.isFinite(pollMs) || pollMs <= 0) {
    throw new ConfigurationError(`leaseMs is ${leaseMs} and pollMs ${pollMs}; give at least 10 and a positive number`);
  }
  const registers = options.leases ?? options.store.registers;
  const balance = new Balance({
    partitions: count,
    maxPartitions,
    members: {
      registers,
      key: `members:${checkpointKey(projection.name)}`,
      max: maxPartitions,
      ttlMs: leaseMs,
      clock: settings.clock,
    },
    beatMs: leaseMs / 3,
    clock: settings.clock,
    leaving: () => partitions.filter((partition) => partition.isLeaving).length,
    handOver: () => partitions.findLast((partition) => partition.handOver()) !== undefined,
  });
  let drainMs = STOP_TIMEOUT_MS;
  const stopping = new AbortController();
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => undefined);
  let isStarted = false;
  let failure: { readonly error: unknown } | undefined;

  const partitions = Array.from({ length: count }, (_, index) => {
    const partition = { index, count };
    return new LeasedPartition({
      index,
      projection,
      lease: {
        registers,
        key: `lease:${partitionKey(projection.name, partition)}`,
        ttlMs: leaseMs,
        pollMs,
        clock: settings.clock,
      },
      settings: count === 1 ? settings : { ...settings, select: (streamId) => partitionOf(streamId, count) === index },
      newLedger: () => ledgerFor(projection, options, partition),
      places: balance.places,
      drainMs: () => drainMs,
    });
  });

  async function run(): Promise<void> {
    const { signal } = stopping;
    await balance.begin(signal);
    const runs = [...partitions.map((partition) => partition.run(signal)), balance.keep(signal)];
    // One that gave up must not leave the others of this process running unseen.
    for (const partition of runs) {
      partition.catch((error: unknown) => {
        failure ??= { error };
        stopping.abort();
      });
    }
    await Promise.allSettled(runs);
    await Promise.all(runs);
  }

  async function stop({ timeoutMs = STOP_TIMEOUT_MS }: { readonly timeoutMs?: number } = {}): Promise<void> {
    assertTimeLimit(timeoutMs);
    if (!isStarted) {
      isStarted = true;
      ended.resolve();
    }
    drainMs = timeoutMs;
    stopping.abort();
    await ended.promise.catch((error: unknown) => {
      if (error instanceof WaitTimeoutError) throw error;
    });
  }

  const waiting: SharedWaitParts = {
    projection: projection.name,
    count,
    store: options.store,
    filter: projection.filter,
    registers: checkpointRegisters(projection, options),
    clock: settings.clock,
    pollMs,
    reachedHere: (partition) => {
      const { isHeld, runner } = partitions[partition]?.status ?? {};
      return isHeld && runner?.state !== "starting" ? runner?.position : undefined;
    },
    assertRunning: () => {
      if (failure !== undefined) throw failure.error;
      if (stopping.signal.aborted) throw new ProjectionStoppedError(projection.name);
    },
  };

  return {
    projection: projection.name,
    done: ended.promise,
    start() {
      if (isStarted) {
        throw new ConfigurationError(
          `the shared runner of projection ${JSON.stringify(projection.name)} was started before; create another one`,
        );
      }
      isStarted = true;
      void run().then(ended.resolve, (error: unknown) => {
        failure ??= { error };
        ended.reject(error);
      });
    },
    stop,
    waitFor: (position, wait) => waitForPartitions(waiting, position, wait),
    async replayParked(streamId) {
      let events = 0;
      for (const { runner } of partitions) events += (await runner?.replayParked(streamId)) ?? 0;
      return events;
    },
    async discardParked(streamId) {
      return (await partitions[partitionOf(streamId, count)]?.runner?.discardParked(streamId)) ?? 0;
    },
    status: (): readonly PartitionStatus[] => partitions.map((partition) => partition.status),
    [Symbol.asyncDispose]: () => stop(),
  };
}
