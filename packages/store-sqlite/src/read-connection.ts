import { type Position, StoreClosedError, StoreUnavailableError } from "@es/core";
import { delay, formatPosition, throwIfAborted } from "@es/core/adapter";
import type { CommittedView } from "./committed-view.ts";
import { isLocked, toStoreError } from "./driver-error.ts";
import { nextTurn, retryDelayMs } from "./retry.ts";
import { prepareCommand, prepareValue, type SqliteDatabase, type SqliteStatement } from "./sqlite-database.ts";

/** Options of {@link ReadConnection}. */
export interface ReadConnectionOptions {
  /** Whether writes go through the same connection, so that its open transaction could be seen. */
  readonly isShared: boolean;
  /** What may be seen while a `transaction()` is open on a shared connection. */
  readonly view: CommittedView;
  readonly timeoutMs: number;
}

/** How long reads may go on before other work of the process gets its turn. */
const TURN_MS = 8;

/** The connection that reads go through. Nobody ever sees a transaction that is not committed. */
export class ReadConnection {
  readonly database: SqliteDatabase;
  readonly #options: ReadConnectionOptions;
  readonly #begin: SqliteStatement;
  readonly #end: SqliteStatement;
  readonly #head: SqliteStatement<number | null>;
  readonly #dataVersion: SqliteStatement<number>;
  #isClosed = false;
  #turnedAt = 0;

  constructor(database: SqliteDatabase, options: ReadConnectionOptions) {
    this.database = database;
    this.#options = options;
    this.#begin = prepareCommand(database, "BEGIN");
    this.#end = prepareCommand(database, "COMMIT");
    this.#head = prepareValue(database, "SELECT max(position) FROM es_events");
    this.#dataVersion = prepareValue(database, "PRAGMA data_version");
  }

  /** Whether writes go through the same connection. */
  get isShared(): boolean {
    return this.#options.isShared;
  }

  /** From here on every read ends with `StoreClosedError`. */
  close(): void {
    this.#isClosed = true;
  }

  /**
   * Runs `work` as soon as nothing stands in its way. It must be synchronous, and one statement unless it uses
   * {@link snapshot}.
   *
   * @throws StoreClosedError, AbortedError, StoreUnavailableError
   */
  async run<Result>(work: () => Result, signal: AbortSignal | undefined): Promise<Result> {
    const { isShared, timeoutMs, view } = this.#options;
    // Reading is synchronous, so a caller who reads in a loop would never let anything else of the process happen.
    if (performance.now() - this.#turnedAt > TURN_MS) await this.turn();
    let deadline: number | undefined;
    for (let attempt = 0; ; attempt += 1) {
      if (this.#isClosed) throw new StoreClosedError();
      throwIfAborted(signal);
      const mustWait = isShared && this.database.open && this.database.inTransaction && !view.isActive;
      let lock: unknown;
      if (!mustWait) {
        try {
          return work();
        } catch (error) {
          if (!isLocked(error)) throw toStoreError(error, "reading");
          lock = error;
        }
      }
      deadline ??= performance.now() + timeoutMs;
      if (performance.now() >= deadline) {
        const reason = mustWait
          ? "a transaction was open on the only connection all that time; read before it begins or after it ends"
          : "the database was locked all that time";
        throw new StoreUnavailableError(`the read waited ${timeoutMs} ms: ${reason}`, { cause: lock });
      }
      await delay(retryDelayMs(attempt), signal);
    }
  }

  /** Lets other work of the process have its turn. */
  async turn(): Promise<void> {
    await nextTurn();
    this.#turnedAt = performance.now();
  }

  /** Runs `work` so that all its statements see the same state. */
  snapshot<Result>(work: () => Result): Result {
    if (this.database.inTransaction) return work();
    this.#begin.run();
    try {
      return work();
    } finally {
      this.#end.run();
    }
  }

  /** Sequence of the newest event, 0 when there is none. */
  head(): number {
    return Math.min(this.#head.get() ?? 0, this.lastSequence);
  }

  /** Newest sequence that may be seen; to be asked inside of {@link run}. */
  get lastSequence(): number {
    return this.#options.isShared ? this.#options.view.lastSequence : Number.MAX_SAFE_INTEGER;
  }

  /** The newest event's position. */
  headPosition(): Position {
    return formatPosition(this.head());
  }

  /** A number that is another one when something may have been committed since. */
  commitMark(): number | undefined {
    // data_version does not count the connection's own commits, so a shared connection looks at the events.
    if (!this.#options.isShared) return this.#dataVersion.get();
    return this.database.inTransaction ? undefined : this.head();
  }
}
