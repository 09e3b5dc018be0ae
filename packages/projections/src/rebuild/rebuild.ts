import { ConfigurationError, type Position, START, StoreUnavailableError } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { type Checkpoint, withoutRole } from "../checkpoint/checkpoint.ts";
import { ProjectionReplacedError } from "../errors/errors.ts";
import { backOffMs, isTransient } from "../runner/retry.ts";
import { Runner } from "../runner/runner.ts";
import { resolveStart } from "../runner/start-position.ts";
import { type Partition, partitionOf } from "../sharing/partition.ts";
import { boundedStore } from "./bounded-store.ts";
import { liveKey, liveProjection, serializeLive } from "./live-projection.ts";
import type { Rebuilt } from "./rebuild-options.ts";
import { assertWritten, Overtaken, type RebuildParts, type Shadow } from "./rebuild-parts.ts";
import type { Step, StoredCheckpoint } from "./rebuild-place.ts";
import { ReplacedVersion } from "./replaced-version.ts";

/** How often the new version comes up to the old one before the old one is stopped. */
const ROUNDS = 2;
const FOREVER_MS = 2 ** 31 - 1;

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
    await this.#often(() => this.#assertOwnSplit());
    const old =
      replaced === undefined ? undefined : await this.#often(() => ReplacedVersion.find(replaced, this.#parts));
    await this.#often(() => this.#begin(old));
    for (let round = 0; round < ROUNDS; round += 1) await this.#catchUp(old);
    if (old !== undefined) {
      for (const partition of old.partitions) await this.#often(() => old.retire(partition));
    }
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
      assertWritten(await place.write(withoutRole(checkpoint), projection.name, partition, { expected }));
    }
    return { isSwitched: false, replaced: undefined, position: firstOf(parts) };
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
  async #begin(old: ReplacedVersion | undefined): Promise<void> {
    const { projection, place, partitions, settings, readModel, prepare, signal } = this.#parts;
    const { name } = projection;
    const identity = await settings.store.identity({ signal });
    await old?.assertSameStore(identity);
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
        assertWritten(await place.write(shadow, name, partition, { expected: 0, call }));
      }
    }, signal);
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
    assertWritten(await place.write(again, projection.name, partition, { expected: revision, call }));
  }

  /** One partition after the other, so that there is never more than one page of each in memory. */
  async #catchUp(old: ReplacedVersion | undefined): Promise<void> {
    const { partitions, settings, signal } = this.#parts;
    for (const partition of partitions) {
      // As far as the old version has come, so that no side effect is left to nobody; without one to the head.
      const end = await this.#often(
        async () => (await old?.position(partition)) ?? (await settings.store.head({ signal })),
      );
      await this.#catchUpTo(end, partition);
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

  /** Makes the new version the one that readers see. */
  async #switch(old: ReplacedVersion | undefined): Promise<Position> {
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
      await old?.confirmRetired(shadows, call);
      await activate(tx);
      // Without transactions this is the moment; what comes behind it can be made up for.
      const text = serializeLive(projection.name);
      const isLive = await place.registers.set(liveKey(readModel), text, { ...call, expected: live?.revision ?? 0 });
      assertWritten(isLive !== undefined);
      for (const { checkpoint, revision: expected, partition } of shadows) {
        const isWritten = await place.write(withoutRole(checkpoint), projection.name, partition, { expected, call });
        assertWritten(isWritten);
      }
      return firstOf(shadows);
    }, signal);
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
