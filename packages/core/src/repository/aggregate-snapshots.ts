import { throwIfAborted } from "../adapter/abort.ts";
import type { AggregateDefinition } from "../aggregate/aggregate-definition.ts";
import type { Baseline } from "../aggregate/aggregate.ts";
import { decodeState, encodeState, stateVersionOf } from "../aggregate/state-codec.ts";
import { PendingEventsError } from "../errors/aggregate-errors.ts";
import { ConfigurationError } from "../errors/configuration-error.ts";
import type { DomainEvent } from "../events/event-types.ts";
import { deepFreeze } from "../events/deep-freeze.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";
import { createSnapshotRegister, type SnapshotRegister } from "../snapshots/snapshot-register.ts";
import type { Registers } from "../store/registers.ts";
import type { AnyAggregate } from "./repository.ts";
import type { RepositorySettings, SnapshotMiss } from "./repository-options.ts";

/** A state that a snapshot is to be taken of. */
interface DueSnapshot {
  readonly streamId: string;
  readonly baseline: Baseline<unknown> & { readonly lastEventId: string };
}

/** Takes and finds the snapshots of one kind of aggregate. A snapshot is a hint: nothing here fails a load or a save. */
export class AggregateSnapshots<Tx> {
  readonly #definition: AggregateDefinition<unknown, DomainEvent>;
  readonly #settings: RepositorySettings;
  readonly #register: SnapshotRegister<Tx>;
  readonly #running = new Set<Promise<void>>();
  /** When the newest known snapshot of an aggregate was taken. */
  readonly #takenAt = new WeakMap<AnyAggregate, number>();

  constructor(
    registers: Registers<Tx>,
    definition: AggregateDefinition<unknown, DomainEvent>,
    settings: RepositorySettings,
  ) {
    const { stateVersion = 1 } = definition;
    if (!Number.isSafeInteger(stateVersion) || stateVersion < 1) {
      throw new ConfigurationError(
        `the stateVersion of ${JSON.stringify(definition.name)} is ${stateVersion}; give a whole number from 1`,
      );
    }
    this.#definition = definition;
    this.#settings = settings;
    this.#register = createSnapshotRegister(registers, settings.snapshots?.keep ?? "latest");
  }

  /** The newest usable snapshot at or below `atMost`. */
  async find(
    streamId: string,
    options: { readonly atMost?: number; readonly signal?: AbortSignal },
  ): Promise<FoundSnapshot | undefined> {
    if (this.#settings.snapshots === undefined) return undefined;
    let snapshot: Snapshot | "unreadable" | undefined;
    try {
      snapshot = await this.#register.load(streamId, options);
    } catch (error) {
      throwIfAborted(options.signal);
      this.miss(streamId, "store-error", error);
      return undefined;
    }
    if (snapshot === undefined) return undefined;
    if (snapshot === "unreadable") {
      this.miss(streamId, "unreadable");
      return undefined;
    }
    if (!this.#isUsable(snapshot)) {
      this.miss(streamId, "state-version");
      return undefined;
    }
    try {
      const state = deepFreeze(decodeState(this.#definition, snapshot.state, snapshot.schemaVersion));
      return {
        takenAt: snapshot.takenAt,
        baseline: { version: snapshot.version, lastEventId: snapshot.eventId, state },
      };
    } catch (error) {
      this.miss(streamId, "unreadable", error);
      return undefined;
    }
  }

  /** Remembers when the snapshot was taken that an aggregate was loaded from. */
  remember(aggregate: AnyAggregate, takenAt: number): void {
    this.#takenAt.set(aggregate, takenAt);
  }

  /** When the newest known snapshot of an aggregate was taken. */
  takenAt(aggregate: AnyAggregate): number | undefined {
    return this.#takenAt.get(aggregate);
  }

  /** The stream does not have the event that a snapshot ends with. The snapshot would stand in the way of every later one. */
  async discard(streamId: string, { baseline }: FoundSnapshot): Promise<void> {
    this.miss(streamId, "other-history");
    const { version, lastEventId } = baseline;
    if (lastEventId === undefined) return;
    try {
      await this.#register.discard(streamId, { version, eventId: lastEventId });
    } catch (error) {
      this.miss(streamId, "store-error", error);
    }
  }

  miss(streamId: string, reason: SnapshotMiss, error?: unknown): void {
    this.#settings.report({ kind: "snapshot-missed", streamId, reason, ...(error === undefined ? {} : { error }) });
  }

  /** What the policy wants for a save that was stored and not yet committed to the aggregate. */
  due(aggregate: AnyAggregate, newVersion: number): readonly DueSnapshot[] {
    const options = this.#settings.snapshots;
    if (options === undefined) return [];
    const access = aggregate.repositoryAccess();
    const fromVersion = access.baseline.version;
    const takenAt = this.#takenAt.get(aggregate);
    try {
      const versions = options.policy.versionsDue({
        fromVersion,
        toVersion: newVersion,
        snapshotAgeMs: takenAt === undefined ? undefined : this.#settings.clock() - takenAt,
      });
      const kept = options.keep === "all" ? versions : versions.slice(-1);
      if (kept.length > 0) this.#takenAt.set(aggregate, this.#settings.clock());
      // Only the ids are used of these events.
      const events = kept.length === 0 ? [] : access.newEvents(this.#settings.newId, {});
      return kept.flatMap((version) => {
        const lastEventId = events[version - fromVersion - 1]?.id;
        if (lastEventId === undefined) return [];
        const state = deepFreeze(access.stateAfter(version - fromVersion));
        return [{ streamId: aggregate.streamId, baseline: { version, lastEventId, state } }];
      });
    } catch (error) {
      this.#settings.report({ kind: "snapshot-failed", streamId: aggregate.streamId, version: newVersion, error });
      return [];
    }
  }

  /** Takes the snapshots that are due, now or in the background. In a transaction it is always now, and part of it. */
  async take(due: readonly DueSnapshot[], tx?: Tx): Promise<void> {
    if (due.length === 0) return;
    const work = this.#takeAll(due, tx);
    if (this.#settings.snapshots?.mode !== "background" || tx !== undefined) return await work;
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }

  async #takeAll(due: readonly DueSnapshot[], tx: Tx | undefined): Promise<void> {
    for (const { streamId, baseline } of due) {
      try {
        await this.#write(streamId, baseline, tx);
      } catch (error) {
        this.#settings.report({ kind: "snapshot-failed", streamId, version: baseline.version, error });
      }
    }
  }

  async #write(streamId: string, baseline: DueSnapshot["baseline"], tx?: Tx): Promise<boolean> {
    const snapshot: Snapshot = {
      aggregate: this.#definition.name,
      version: baseline.version,
      eventId: baseline.lastEventId,
      ...stateVersionOf(this.#definition),
      takenAt: this.#settings.clock(),
      state: encodeState(this.#definition, baseline.state),
    };
    const isWritten = await this.#register.save(streamId, snapshot, tx === undefined ? {} : { tx });
    if (isWritten) this.#settings.report({ kind: "snapshot-taken", streamId, version: baseline.version });
    return isWritten;
  }

  /** @throws PendingEventsError, InvalidStateError, ConfigurationError, and what the registers throw */
  async takeNow(aggregate: AnyAggregate): Promise<boolean> {
    if (this.#settings.snapshots === undefined) {
      throw new ConfigurationError(
        "this repository would never read a snapshot; give it snapshots: { policy: manually() }",
      );
    }
    const access = aggregate.repositoryAccess();
    if (access.pendingCount > 0) {
      throw new PendingEventsError(
        `aggregate ${JSON.stringify(aggregate.streamId)} has ${access.pendingCount} pending events; save it before taking a snapshot`,
      );
    }
    const { version, lastEventId, state } = access.baseline;
    if (version === 0 || lastEventId === undefined) return false;
    return await this.#write(aggregate.streamId, { version, lastEventId, state });
  }

  delete(streamId: string): Promise<number> {
    return this.#register.delete(streamId);
  }

  purge(): Promise<number> {
    return this.#register.purge(this.#definition.name, (snapshot) => this.#isUsable(snapshot));
  }

  async idle(): Promise<number> {
    let count = 0;
    while (this.#running.size > 0) {
      const running = [...this.#running];
      count += running.length;
      await Promise.all(running);
    }
    return count;
  }

  #isUsable(snapshot: Snapshot): boolean {
    const current = stateVersionOf(this.#definition);
    return (
      snapshot.aggregate === this.#definition.name &&
      snapshot.stateVersion === current.stateVersion &&
      snapshot.schemaVersion >= 1 &&
      snapshot.schemaVersion <= current.schemaVersion
    );
  }
}

/** A snapshot as a place to start a load from. */
export interface FoundSnapshot {
  readonly takenAt: number;
  readonly baseline: Baseline<unknown>;
}
