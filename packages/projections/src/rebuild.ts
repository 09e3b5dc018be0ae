import { ConfigurationError, type Position, START, StoreUnavailableError } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { boundedStore } from "./bounded-store.ts";
import { type Checkpoint, withoutRole } from "./checkpoint.ts";
import type { Delivery } from "./delivery.ts";
import { CheckpointMismatchError, ProjectionReplacedError } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import { liveKey, liveProjection, serializeLive } from "./live-projection.ts";
import type { Projection } from "./projection.ts";
import type { RebuildPlace, Step, StoredCheckpoint } from "./rebuild-place.ts";
import type { Rebuilt } from "./rebuild-options.ts";
import { backOffMs, isTransient } from "./retry.ts";
import { Runner } from "./runner.ts";
import type { RunnerSettings } from "./runner-options.ts";
import { resolveStart } from "./start-position.ts";

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
  /** A ledger of its own for each runner. */
  readonly newLedger: () => Ledger;
  readonly prepare: (tx: unknown) => void | Promise<void>;
  readonly activate: (tx: unknown) => void | Promise<void>;
  readonly signal: AbortSignal;
}

/** Another process has changed which version is live, or has revived the old one. What was read before counts no more. */
class Overtaken extends Error {}

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
    const old = this.#replaced(live);
    await this.#often(() => this.#assertWhole(old));
    await this.#often(() => this.#begin(old));
    for (let round = 0; round < ROUNDS; round += 1) await this.#catchUp(await this.#often(() => this.#goal(old)));
    if (old !== undefined) await this.#often(() => this.#retire(old));
    await this.#catchUp(await this.#often(() => this.#goal(old)));
    const position = await this.#often(() => this.#switch(old));
    return { isSwitched: true, replaced: old, position };
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
    const own = await place.load(projection.name);
    // In this order: who switches to another version writes this checkpoint first.
    if ((await liveProjection(place.registers, readModel, { signal })) !== projection.name) throw new Overtaken();
    if (own?.checkpoint.shadowOf !== undefined || own?.checkpoint.replacedBy !== undefined) {
      this.#assertWritten(await place.write(withoutRole(own.checkpoint), projection.name, own.revision));
    }
    return { isSwitched: false, replaced: undefined, position: own?.checkpoint.position ?? START };
  }

  async #assertWhole(old: string | undefined): Promise<void> {
    const { place, projection, replaces, signal } = this.#parts;
    for (const name of old === undefined ? [projection.name] : [projection.name, old]) {
      if (!(await place.isSplit(name, signal))) continue;
      throw new ConfigurationError(
        `projection ${JSON.stringify(name)} runs in several partitions, which cannot be rebuilt; rebuild by hand, or run it in one`,
      );
    }
    if (replaces === undefined || (await place.load(replaces)) !== undefined) return;
    throw new ConfigurationError(
      `there is no checkpoint of projection ${JSON.stringify(replaces)}, which is to be replaced`,
    );
  }

  /** Makes the empty read model and the first checkpoint, or goes on with what is there. */
  async #begin(old: string | undefined): Promise<void> {
    const { projection, place, settings, readModel, prepare, signal } = this.#parts;
    const { name } = projection;
    const identity = await settings.store.identity({ signal });
    const oldStore = old === undefined ? undefined : (await place.load(old))?.checkpoint.store;
    if (old !== undefined && oldStore !== undefined && oldStore !== identity) {
      throw new CheckpointMismatchError(
        old,
        "foreign-store",
        `was written for the store ${oldStore}, this is the store ${identity}; open the right one`,
      );
    }
    const position = await resolveStart(settings.store, projection.from, signal);
    await place.step(async ({ tx, call }) => {
      const own = await place.load(name, call);
      if (own !== undefined) return this.#resume(own, call);
      await prepare(tx);
      const facts = { store: identity, position, last: undefined, events: 0, parked: [], runner: "rebuild" };
      this.#assertWritten(await place.write({ ...facts, shadowOf: readModel }, name, 0, call));
    }, signal);
  }

  async #resume(own: StoredCheckpoint, call: Step["call"]): Promise<void> {
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
    this.#assertWritten(await place.write(again, projection.name, revision, call));
  }

  /** How far to build: as far as the old version has come, so that no side effect is left to nobody; without one to the head. */
  async #goal(old: string | undefined): Promise<Position> {
    const { place, settings, signal } = this.#parts;
    const stored = old === undefined ? undefined : await place.load(old);
    return stored?.checkpoint.position ?? settings.store.head({ signal });
  }

  async #catchUp(end: Position): Promise<void> {
    const { projection, settings, newLedger, readModel, signal } = this.#parts;
    const store = boundedStore(settings.store, end);
    const runner = new Runner(projection, newLedger(), { ...settings, store, shadowOf: readModel });
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
  async #retire(old: string): Promise<void> {
    const { place, projection, signal } = this.#parts;
    for (;;) {
      throwIfAborted(signal);
      const stored = await place.load(old);
      if (stored === undefined || stored.checkpoint.replacedBy === projection.name) return;
      const retired = { ...withoutRole(stored.checkpoint), replacedBy: projection.name };
      if (await place.write(retired, old, stored.revision)) return;
    }
  }

  /** Makes the new version the one that readers see. */
  async #switch(old: string | undefined): Promise<Position> {
    const { place, projection, readModel, activate, signal } = this.#parts;
    return place.step(async ({ tx, call }) => {
      // Read first, so that whoever switches from here on is noticed.
      const live = await place.registers.get(liveKey(readModel), call);
      const own = await place.load(projection.name, call);
      if (own?.checkpoint.replacedBy !== undefined) {
        throw new ProjectionReplacedError(projection.name, own.checkpoint.replacedBy);
      }
      if (own?.checkpoint.shadowOf !== readModel) {
        if (own !== undefined && live?.value === serializeLive(projection.name)) throw new Overtaken();
        throw new StoreUnavailableError("the checkpoint was changed meanwhile");
      }
      if (old !== undefined) await this.#confirmRetired(old, own.checkpoint.position, call);
      await activate(tx);
      // Without transactions this is the moment; what comes behind it can be made up for.
      const expected = live?.revision ?? 0;
      const text = serializeLive(projection.name);
      this.#assertWritten((await place.registers.set(liveKey(readModel), text, { ...call, expected })) !== undefined);
      this.#assertWritten(await place.write(withoutRole(own.checkpoint), projection.name, own.revision, call));
      return own.checkpoint.position;
    }, signal);
  }

  /** The old version may have been revived, and have gone on. Writing it again stops whoever is about to revive it. */
  async #confirmRetired(old: string, position: Position, call: Step["call"]): Promise<void> {
    const { place, projection } = this.#parts;
    const stored = await place.load(old, call);
    if (stored === undefined) return;
    const { checkpoint, revision } = stored;
    if (checkpoint.replacedBy !== projection.name || checkpoint.position > position) throw new Overtaken();
    this.#assertWritten(await place.write(checkpoint, old, revision, call));
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
