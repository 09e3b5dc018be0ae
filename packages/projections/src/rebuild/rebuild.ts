import { ConfigurationError, type Position, START, StoreUnavailableError } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { type Checkpoint, withoutRole } from "../checkpoint/checkpoint.ts";
import type { Ledger } from "../checkpoint/ledger.ts";
import type { Delivery } from "../definition/delivery.ts";
import type { Projection } from "../definition/projection.ts";
import { CheckpointMismatchError, ProjectionReplacedError } from "../errors/errors.ts";
import { backOffMs, isTransient } from "../runner/retry.ts";
import { Runner } from "../runner/runner.ts";
import type { RunnerSettings } from "../runner/runner-options.ts";
import { resolveStart } from "../runner/start-position.ts";
import { type Partition, partitionOf, partitionsOf } from "../sharing/partition.ts";
import { boundedStore } from "./bounded-store.ts";
import { liveKey, liveProjection, serializeLive } from "./live-projection.ts";
import type { Rebuilt } from "./rebuild-options.ts";
import type { RebuildPlace, Step, StoredCheckpoint } from "./rebuild-place.ts";

/** How often the new version comes up to the old one before the old one is stopped. */
const ROUNDS = 2;
const FOREVER_MS = 2 ** 31 - 1;

/** What a rebuild is made of. */
export interface RebuildParts {
  readonly projection: Projection<Delivery>;
  readonly readModel: string;
  readonly replaces: string | undefined;
  readonly place: RebuildPlace;
  readonly settings: RunnerSettings;
  /** The parts of the new version. */
  readonly partitions: readonly Partition[];
  /** A ledger of its own for each runner. */
  readonly newLedger: (partition: Partition) => Ledger;
  readonly prepare: (tx: unknown) => void | Promise<void>;
  readonly activate: (tx: unknown) => void | Promise<void>;
  readonly signal: AbortSignal;
}

/** Another process has changed which version is live, or has revived the old one. What was read before counts no more. */
class Overtaken extends Error {}

/** The checkpoint of a part, and which part that is. */
interface Shadow extends StoredCheckpoint {
  readonly partition: Partition;
}

/** The version that is replaced. */
interface Old {
  readonly name: string;
  readonly partitions: readonly Partition[];
}

/**
 * One version of a projection taking the place of another. Every step reads what is stored before it acts, so that it can be repeated:
 * after a failure, and by another process after a crash.
 */
export class Rebuild {
  readonly #parts: RebuildParts;

  constructor(parts: RebuildParts) {
    this.#parts = parts;
  }

  async run(): Promise<Rebuilt> {
    for (;;) {
      try {
        return await this.#attempt();
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error;
      }
    }
  }

  async #attempt(): Promise<Rebuilt> {
    const { projection, place, readModel, signal } = this.#parts;
    const live = await this.#often(() => liveProjection(place.registers, readModel, { signal }));
    if (live === projection.name) return this.#often(() => this.#alreadyLive());
    const replaced = this.#replaced(live);
    const old = await this.#often(() => this.#splitOf(replaced));
    await this.#often(() => this.#begin(old));
    for (let round = 0; round < ROUNDS; round += 1) await this.#catchUp(old);
    for (const partition of old?.partitions ?? []) await this.#often(() => this.#retire(old, partition));
    await this.#catchUp(old);
    const position = await this.#often(() => this.#switch(old));
    return { isSwitched: true, replaced, position };
  }

  #replaced(live: string | undefined): string | undefined {
    const { projection, replaces, readModel } = this.#parts;
    if (replaces !== undefined && live !== undefined && replaces !== live) {
      throw new ConfigurationError(
        `the read model ${JSON.stringify(readModel)} is that of projection ${JSON.stringify(live)}, not of ${JSON.stringify(replaces)}; leave "replaces" out`,
      );
    }
    if (replaces === projection.name) {
      throw new ConfigurationError(
        `projection ${JSON.stringify(replaces)} cannot replace itself; give each version a name, and tables, of its own`,
      );
    }
    return live ?? replaces;
  }

  /** It may have been about to be replaced, or have been stopped before it could forget that it was a shadow. */
  async #alreadyLive(): Promise<Rebuilt> {
    const { place, projection, readModel, signal } = this.#parts;
    await this.#assertOwnSplit();
    const parts: Shadow[] = [];
    for (const partition of this.#parts.partitions) {
      const own = await place.load(projection.name, partition);
      if (own !== undefined) parts.push({ ...own, partition });
    }
    // In this order: who switches to another version writes these checkpoints first.
    if ((await liveProjection(place.registers, readModel, { signal })) !== projection.name) throw new Overtaken();
    for (const { checkpoint, revision: expected, partition } of parts) {
      if (checkpoint.shadowOf === undefined && checkpoint.replacedBy === undefined) continue;
      this.#assertWritten(await place.write(withoutRole(checkpoint), projection.name, partition, { expected }));
    }
    return { isSwitched: false, replaced: undefined, position: firstOf(parts) };
  }

  /** The old version and its partitions. Each new one follows that which has its streams, so there must be as many, or one. */
  async #splitOf(name: string | undefined): Promise<Old | undefined> {
    const { place, projection, partitions, replaces, signal } = this.#parts;
    await this.#assertOwnSplit();
    if (name === undefined) return undefined;
    const count = await place.countOf(name, signal);
    if (count === undefined && replaces !== undefined) {
      throw new ConfigurationError(
        `there is no checkpoint of projection ${JSON.stringify(replaces)}, which is to be replaced`,
      );
    }
    if (count !== undefined && count !== 1 && count !== partitions.length) {
      throw new ConfigurationError(
        `projection ${JSON.stringify(name)} runs in ${count} partitions, and ${JSON.stringify(projection.name)} is to be built in ` +
          `${partitions.length}: they have come to different positions, so there is none to switch at; give "partitions: ${count}"`,
      );
    }
    return { name, partitions: partitionsOf(count ?? 1) };
  }

  async #assertOwnSplit(): Promise<void> {
    const { place, projection, partitions, signal } = this.#parts;
    const count = await place.countOf(projection.name, signal);
    if (count === undefined || count === partitions.length) return;
    throw new ConfigurationError(
      `projection ${JSON.stringify(projection.name)} has a checkpoint of ${count} partitions, not of ${partitions.length}; give ` +
        `"partitions: ${count}", or drop it with dropProjection() and start again`,
    );
  }

  /** Makes the empty read model and the first checkpoints, or goes on with what is there. */
  async #begin(old: Old | undefined): Promise<void> {
    const { projection, place, partitions, settings, readModel, prepare, signal } = this.#parts;
    const { name } = projection;
    const identity = await settings.store.identity({ signal });
    await this.#assertSameStore(old, identity);
    const position = await resolveStart(settings.store, projection.from, signal);
    await place.step(async ({ tx, call }) => {
      const own = await Promise.all(partitions.map((partition) => place.load(name, partition, call)));
      // Nothing was handled before all of them were there.
      if (own.includes(undefined)) await prepare(tx);
      for (const partition of partitions) {
        const stored = own[partition.index];
        if (stored !== undefined) {
          await this.#resume(stored, partition, call);
          continue;
        }
        const facts = { store: identity, position, last: undefined, events: 0, parked: [], runner: "rebuild" };
        const shadow = { ...facts, shadowOf: readModel };
        this.#assertWritten(await place.write(shadow, name, partition, { expected: 0, call }));
      }
    }, signal);
  }

  async #assertSameStore(old: Old | undefined, identity: string): Promise<void> {
    for (const partition of old?.partitions ?? []) {
      const stored = old === undefined ? undefined : await this.#parts.place.load(old.name, partition);
      if (old === undefined || stored === undefined || stored.checkpoint.store === identity) continue;
      throw new CheckpointMismatchError(
        old.name,
        "foreign-store",
        `was written for the store ${stored.checkpoint.store}, this is the store ${identity}; open the right one`,
      );
    }
  }

  async #resume(own: StoredCheckpoint, partition: Partition, call: Step["call"]): Promise<void> {
    const { projection, place, readModel } = this.#parts;
    const { checkpoint, revision } = own;
    if (checkpoint.shadowOf === readModel) return;
    if (checkpoint.replacedBy === undefined) {
      if ((await liveProjection(place.registers, readModel, call)) === projection.name) throw new Overtaken();
      throw new ConfigurationError(
        `projection ${JSON.stringify(projection.name)} has a checkpoint that is not of a rebuild of ${JSON.stringify(readModel)}; ` +
          "drop it with dropProjection() and start again",
      );
    }
    // It was live before. It catches up from where it was stopped.
    const again: Checkpoint = { ...withoutRole(checkpoint), shadowOf: readModel };
    this.#assertWritten(await place.write(again, projection.name, partition, { expected: revision, call }));
  }

  /** How far to build: as far as the old version has come, so that no side effect is left to nobody; without one to the head. */
  async #goal(old: Old | undefined, { index }: Partition): Promise<Position> {
    const { place, settings, signal } = this.#parts;
    const followed = old?.partitions[old.partitions.length === 1 ? 0 : index];
    if (old === undefined || followed === undefined) return settings.store.head({ signal });
    const stored = await place.load(old.name, followed);
    if (stored !== undefined) return stored.checkpoint.position;
    // A part that nobody has begun.
    return old.partitions.length === 1 ? settings.store.head({ signal }) : START;
  }

  /** One partition after the other, so that there is never more than one page of each in memory. */
  async #catchUp(old: Old | undefined): Promise<void> {
    for (const partition of this.#parts.partitions) {
      await this.#catchUpTo(await this.#often(() => this.#goal(old, partition)), partition);
    }
  }

  async #catchUpTo(end: Position, partition: Partition): Promise<void> {
    const { projection, settings, newLedger, readModel, signal } = this.#parts;
    const { index, count } = partition;
    const store = boundedStore(settings.store, end);
    const select = count === 1 ? {} : { select: (streamId: string) => partitionOf(streamId, count) === index };
    const runner = new Runner(projection, newLedger(partition), { ...settings, ...select, store, shadowOf: readModel });
    const stop = (): void => void runner.stop().catch(() => undefined);
    signal.addEventListener("abort", stop, { once: true });
    try {
      await runner.start();
      await runner.waitFor(end, { timeoutMs: FOREVER_MS, signal });
    } finally {
      signal.removeEventListener("abort", stop);
      await runner.stop();
    }
  }

  /** From here on the old version stores nothing any more. */
  async #retire(old: Old | undefined, partition: Partition): Promise<void> {
    const { place, projection, settings, signal } = this.#parts;
    while (old !== undefined) {
      throwIfAborted(signal);
      const stored = await place.load(old.name, partition);
      if (stored?.checkpoint.replacedBy === projection.name) return;
      if (stored === undefined && partition.count === 1) return;
      const before = stored?.checkpoint ?? {
        store: await settings.store.identity({ signal }),
        position: START,
        last: undefined,
        events: 0,
        parked: [],
        runner: "rebuild",
      };
      const retired = { ...withoutRole(before), replacedBy: projection.name };
      if (await place.write(retired, old.name, partition, { expected: stored?.revision ?? 0 })) return;
    }
  }

  /** Makes the new version the one that readers see. */
  async #switch(old: Old | undefined): Promise<Position> {
    const { place, projection, partitions, readModel, activate, signal } = this.#parts;
    return place.step(async ({ tx, call }) => {
      // Read first, so that whoever switches from here on is noticed.
      const live = await place.registers.get(liveKey(readModel), call);
      const shadows: Shadow[] = [];
      for (const partition of partitions) {
        const own = await place.load(projection.name, partition, call);
        if (own?.checkpoint.replacedBy !== undefined) {
          throw new ProjectionReplacedError(projection.name, own.checkpoint.replacedBy);
        }
        if (own?.checkpoint.shadowOf !== readModel) {
          if (own !== undefined && live?.value === serializeLive(projection.name)) throw new Overtaken();
          throw new StoreUnavailableError("the checkpoint was changed meanwhile");
        }
        shadows.push({ ...own, partition });
      }
      if (old !== undefined) await this.#confirmRetired(old, shadows, call);
      await activate(tx);
      // Without transactions this is the moment; what comes behind it can be made up for.
      const text = serializeLive(projection.name);
      const isLive = await place.registers.set(liveKey(readModel), text, { ...call, expected: live?.revision ?? 0 });
      this.#assertWritten(isLive !== undefined);
      for (const { checkpoint, revision: expected, partition } of shadows) {
        const isWritten = await place.write(withoutRole(checkpoint), projection.name, partition, { expected, call });
        this.#assertWritten(isWritten);
      }
      return firstOf(shadows);
    }, signal);
  }

  /** The old version may have been revived, and have gone on. Writing it again stops whoever is about to revive it. */
  async #confirmRetired(old: Old, shadows: readonly Shadow[], call: Step["call"]): Promise<void> {
    const { place, projection } = this.#parts;
    for (const partition of old.partitions) {
      const stored = await place.load(old.name, partition, call);
      if (stored === undefined) continue;
      const { checkpoint, revision: expected } = stored;
      const followers = shadows.filter((shadow) => partition.count === 1 || shadow.partition.index === partition.index);
      const isAhead = followers.some((shadow) => checkpoint.position > shadow.checkpoint.position);
      if (checkpoint.replacedBy !== projection.name || isAhead) throw new Overtaken();
      this.#assertWritten(await place.write(checkpoint, old.name, partition, { expected, call }));
    }
  }

  #assertWritten(isWritten: boolean): void {
    if (!isWritten) throw new StoreUnavailableError("another process changed the checkpoint at the same moment");
  }

  /** Runs a step again when it failed for a reason that may pass. */
  async #often<Result>(step: () => Promise<Result>): Promise<Result> {
    const { storeRetry, clock, random, report } = this.#parts.settings;
    for (let failures = 1; ; failures += 1) {
      try {
        throwIfAborted(this.#parts.signal);
        return await step();
      } catch (error) {
        if (!isTransient(error) || failures >= storeRetry.maxAttempts) throw error;
        const delayMs = backOffMs(storeRetry, failures, random);
        report({ kind: "retrying", error, attempt: failures, delayMs });
        await clock.delay(delayMs, this.#parts.signal);
      }
    }
  }
}

/** Everything up to here was handled in all partitions. */
function firstOf(parts: readonly StoredCheckpoint[]): Position {
  return parts.map(({ checkpoint }) => checkpoint.position).toSorted()[0] ?? START;
}
