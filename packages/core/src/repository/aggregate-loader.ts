import type { Baseline } from "../aggregate/aggregate.ts";
import { AggregateNotFoundError } from "../errors/aggregate-errors.ts";
import { ConfigurationError } from "../errors/configuration-error.ts";
import type { EventStore } from "../store/event-store.ts";
import type { RecordedEvent } from "../store/recorded-event.ts";
import type { AggregateSnapshots } from "./aggregate-snapshots.ts";
import { LruCache } from "./lru-cache.ts";
import type { AggregateClass, AnyAggregate, LoadOptions, PointInHistory } from "./repository.ts";
import type { RepositorySettings } from "./repository-options.ts";

/** How far to replay. */
interface ReplayBounds extends LoadOptions {
  readonly to?: number;
  /** Stop before the first event that was recorded after this time. */
  readonly untilMs?: number;
}

interface CachedAggregate {
  readonly baseline: Baseline<unknown>;
  /** When its newest known snapshot was taken. */
  readonly takenAt: number | undefined;
}

/**
 * Rebuilds aggregates from a cached state or a snapshot and the events since. The event at which such a state ends is always
 * read again: when the stream does not have it, the state belongs to another history and everything is replayed.
 */
export class AggregateLoader<A extends AnyAggregate, Tx> {
  readonly #store: EventStore<Tx>;
  readonly #class: AggregateClass<A>;
  readonly #snapshots: AggregateSnapshots<Tx>;
  readonly #settings: RepositorySettings;
  readonly #cache: LruCache<CachedAggregate>;

  constructor(
    store: EventStore<Tx>,
    aggregateClass: AggregateClass<A>,
    snapshots: AggregateSnapshots<Tx>,
    settings: RepositorySettings,
  ) {
    this.#store = store;
    this.#class = aggregateClass;
    this.#snapshots = snapshots;
    this.#settings = settings;
    this.#cache = new LruCache(settings.cacheSize);
  }

  /** The aggregate as it is now, or `undefined` when it has no events. */
  async find(id: string, options: LoadOptions = {}): Promise<A | undefined> {
    const aggregate =
      (await this.#fromCache(id, options)) ??
      (await this.#fromSnapshot(id, options)) ??
      (await this.#replay(id, undefined, options));
    if (aggregate === undefined || aggregate.version === 0) return undefined;
    this.remember(aggregate);
    return aggregate;
  }

  /** @throws AggregateNotFoundError */
  async loadAt(id: string, point: PointInHistory, options: LoadOptions = {}): Promise<A> {
    const bounds = boundsOf(point);
    // Where the clock was set back, a snapshot would hide the event at which a replay stops. It must not change the answer.
    const start = "time" in point ? undefined : await this.#fromSnapshot(id, { ...options, ...bounds });
    const aggregate = start ?? (await this.#replay(id, undefined, { ...options, ...bounds }));
    if (aggregate === undefined || aggregate.version === 0) {
      const { streamId } = new this.#class(id);
      throw new AggregateNotFoundError(
        streamId,
        "time" in point ? `has no events recorded until ${point.time.toISOString()}` : undefined,
      );
    }
    if ("version" in point && aggregate.version < point.version) {
      throw new AggregateNotFoundError(
        aggregate.streamId,
        `has no version ${point.version}; its newest is ${aggregate.version}`,
      );
    }
    return aggregate;
  }

  async #fromCache(id: string, options: LoadOptions): Promise<A | undefined> {
    if (this.#settings.cacheSize === 0) return undefined;
    const { streamId } = new this.#class(id);
    const cached = this.#cache.get(streamId);
    if (cached === undefined) return undefined;
    const aggregate = await this.#replay(id, cached.baseline, options);
    if (aggregate === undefined) this.#cache.delete(streamId);
    else if (cached.takenAt !== undefined) this.#snapshots.remember(aggregate, cached.takenAt);
    return aggregate;
  }

  async #fromSnapshot(id: string, bounds: ReplayBounds): Promise<A | undefined> {
    const { streamId } = new this.#class(id);
    const found = await this.#snapshots.find(streamId, {
      ...(bounds.to === undefined ? {} : { atMost: bounds.to }),
      ...(bounds.signal === undefined ? {} : { signal: bounds.signal }),
    });
    if (found === undefined) return undefined;
    const aggregate = await this.#replay(id, found.baseline, bounds);
    if (aggregate === undefined) {
      await this.#snapshots.discard(streamId, found);
      return undefined;
    }
    this.#snapshots.remember(aggregate, found.takenAt);
    return aggregate;
  }

  /** `undefined` when the stream does not confirm the baseline. */
  async #replay(id: string, baseline: Baseline<unknown> | undefined, bounds: ReplayBounds): Promise<A | undefined> {
    const aggregate = new this.#class(id);
    if (baseline !== undefined) aggregate.repositoryAccess().restore(baseline);
    let isConfirmed = baseline === undefined;
    const pages = this.#store.readStream(aggregate.streamId, {
      from: Math.max(baseline?.version ?? 1, 1),
      ...(bounds.to === undefined ? {} : { to: bounds.to }),
      ...(bounds.signal === undefined ? {} : { signal: bounds.signal }),
    });
    for await (const page of pages) {
      const wanted = until(page, bounds.untilMs);
      if (isConfirmed) aggregate.rehydrate(wanted);
      else if (wanted[0] === undefined || wanted[0].id !== baseline?.lastEventId) return undefined;
      else aggregate.rehydrate(wanted.slice(1));
      isConfirmed = true;
      if (wanted.length < page.length) break;
    }
    return isConfirmed ? aggregate : undefined;
  }

  /** Keeps the stored part of an aggregate in the cache, if there is one. */
  remember(aggregate: A): void {
    if (this.#settings.cacheSize === 0) return;
    const { baseline } = aggregate.repositoryAccess();
    const known = this.#cache.get(aggregate.streamId);
    if (known !== undefined && known.baseline.version > baseline.version) return;
    this.#cache.set(aggregate.streamId, { baseline, takenAt: this.#snapshots.takenAt(aggregate) });
  }

  /** Drops an aggregate from the cache. */
  forget(streamId: string): void {
    this.#cache.delete(streamId);
  }
}

function boundsOf(point: PointInHistory): { readonly to?: number; readonly untilMs?: number } {
  if ("version" in point) {
    if (!Number.isSafeInteger(point.version) || point.version < 1) {
      throw new ConfigurationError(`loadAt: version ${point.version} is not a whole number from 1`);
    }
    return { to: point.version };
  }
  const untilMs = point.time.getTime();
  if (Number.isNaN(untilMs)) throw new ConfigurationError("loadAt: the time is an invalid Date");
  return { untilMs };
}

function until(page: readonly RecordedEvent[], untilMs: number | undefined): readonly RecordedEvent[] {
  if (untilMs === undefined) return page;
  const end = page.findIndex((event) => event.recordedAt > untilMs);
  return end === -1 ? page : page.slice(0, end);
}
