import type { Capabilities } from "./capabilities.ts";
import type { AppendCondition, EventFilter } from "./event-query.ts";
import type { ExpectedVersion } from "./expected-version.ts";
import type { Position } from "./position.ts";
import type { NewEvent, RecordedEvent } from "./recorded-event.ts";
import type { Registers } from "./registers.ts";

/** Events for one stream, and what the writer believes about that stream. */
export interface Write {
  /** `category-id`; see {@link streamIdOf}. */
  readonly streamId: string;
  /** What the writer believes about the stream. */
  readonly expected: ExpectedVersion;
  /** At least one event. They are stored together, with consecutive versions. */
  readonly events: readonly NewEvent[];
}

/** Options of {@link EventStore.append}. */
export interface AppendOptions<Tx = never> {
  /** The caller's own open transaction; the events become visible when it commits. Only where the store has `transactions`. */
  readonly tx?: Tx;
  /** Refuse the append when matching events were stored after a position. Only where the store has `conditions`. */
  readonly if?: AppendCondition;
  /** Aborts the call. */
  readonly signal?: AbortSignal;
}

/** What an append stored. */
export interface AppendResult {
  /** Position of the last event of this append. Wait for it to read your own write in a projection. */
  readonly position: Position;
  /** The version of each written stream after this append, in the order of the writes. */
  readonly versions: readonly number[];
  /** `true` when this very append (same ids, same expectation) had been stored before; nothing was stored twice. */
  readonly duplicate: boolean;
}

/** Options of {@link EventStore.readStream}. `from` and `to` are bounds on the version, whatever the direction. */
export interface ReadStreamOptions {
  /** Lowest version, inclusive. @defaultValue 1 */
  readonly from?: number;
  /** Highest version, inclusive. @defaultValue the newest */
  readonly to?: number;
  /**
   * Ascending or descending versions.
   * @defaultValue `"forward"`
   */
  readonly direction?: "forward" | "backward";
  /** Most events to return; 0 returns none. @defaultValue all */
  readonly limit?: number;
  /** Most events in one page. @defaultValue 500 */
  readonly pageSize?: number;
  /** Aborts the call. */
  readonly signal?: AbortSignal;
}

/** Options of {@link EventStore.readAll}. */
export interface ReadAllOptions {
  /** Start behind this position. @defaultValue `START` */
  readonly after?: Position;
  /**
   * Which events to return.
   * @defaultValue every event
   */
  readonly filter?: EventFilter;
  /** Most events to return, counted after filtering; 0 returns no page. @defaultValue all */
  readonly limit?: number;
  /** Most events in one page. @defaultValue 500 */
  readonly pageSize?: number;
  /** Keep waiting for new events at the head. This is the subscription. @defaultValue `false` */
  readonly live?: boolean;
  /** Aborts the call. */
  readonly signal?: AbortSignal;
}

/** A stretch of the log. */
export interface Page {
  /** The events of this stretch that the filter lets through, in order. */
  readonly events: readonly RecordedEvent[];
  /** How far the log was scanned, events that the filter left out included. Only this may become a checkpoint. */
  readonly next: Position;
  /** Whether nothing was stored behind `next` when the page was read. */
  readonly isCaughtUp: boolean;
}

/**
 * The one contract that all stores keep. `@es/store-conformance` holds it as executable rules.
 *
 * Order promise: `readAll` shows every committed event exactly once, in an order that never changes afterwards, the versions
 * of each stream ascending; nothing ever becomes visible behind a position that was delivered.
 *
 * An append has three outcomes: stored, refused (nothing was written), or unknown, which is an `UnknownOutcomeError` and only
 * comes after the store itself has tried to find out. Every call has a time limit and honours `signal`; an aborted append that
 * had not begun is refused, one that had begun is settled first.
 *
 * @typeParam Tx - the backend's own transaction handle, `never` where there is none
 */
export interface EventStore<Tx = never> extends AsyncDisposable {
  /** What this store can do. */
  readonly capabilities: Capabilities;
  /** Named values with compare-and-set beside the events. */
  readonly registers: Registers<Tx>;

  /**
   * Stores the events of one or several streams, all or nothing. They stand in the log in the order of the writes. The input is
   * copied when the call is made.
   *
   * A retry with the same ids, expectations and events returns the first result. Every write must name its place for that, by a
   * number or `"no-stream"`; or the append has a condition that its own events break, and they are found behind its position.
   * Events are recognised by their ids alone, so an id must never be given to another event.
   *
   * @throws ConcurrencyError when a stream is not in the expected state
   * @throws ConditionFailedError when a matching event was stored after the condition's position
   * @throws InvalidEventError, ConfigurationError for input that breaks the rules of {@link NewEvent} or {@link Write}
   * @throws AppendTooLargeError, UnsupportedError when the append exceeds what the store can do
   * @throws StoreUnavailableError when the store could not be reached in time and nothing was written
   * @throws UnknownOutcomeError when it cannot be known whether the append was stored: repeat it with the same event ids
   */
  append(writes: Write | readonly Write[], options?: AppendOptions<Tx>): Promise<AppendResult>;

  /** The events of one stream, in pages. An absent stream has none. */
  readStream(streamId: string, options?: ReadStreamOptions): AsyncIterable<readonly RecordedEvent[]>;

  /**
   * The events of all streams, in pages. A read that is not live ends with a page that `isCaughtUp`, unless `limit` ended it.
   * A live read yields such a page each time it reaches the head, and ends only when `signal` aborts (it then throws
   * `AbortedError`), `limit` is reached, the caller breaks out, or the store is closed (`StoreClosedError`).
   *
   * @throws InvalidPositionError when `after` is not a position of this store or lies ahead of its head
   */
  readAll(options?: ReadAllOptions): AsyncIterable<Page>;

  /** Position of the newest event that readers can see; `START` when the store is empty. */
  head(options?: { readonly signal?: AbortSignal }): Promise<Position>;

  /** An id that was drawn when the store was created. A checkpoint keeps it to notice that it meets another store. */
  identity(options?: { readonly signal?: AbortSignal }): Promise<string>;
}

/** A store whose backend has transactions that appends, registers and the caller's own statements can share. */
export interface TransactionalEventStore<Tx> extends EventStore<Tx> {
  /**
   * Runs `work` in one transaction: commits when it resolves, rolls back when it rejects. Everything inside must be given `tx`.
   *
   * @throws StoreUnavailableError when the transaction could not begin in time
   */
  transaction<Result>(work: (tx: Tx) => Promise<Result>, options?: { readonly signal?: AbortSignal }): Promise<Result>;
}
