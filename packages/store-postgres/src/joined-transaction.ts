import { type AppendResult, ConfigurationError, EventSourcingError } from "@es/core";
import { type EncodedAppend, meetsExpectedVersion } from "@es/core/adapter";
import type { AppendExecutor } from "./append-executor.ts";
import { claimsOf } from "./claims.ts";
import { sqlStateOf, toStoreError } from "./driver-error.ts";
import { CLOSE_FENCE, DROP_FENCE, FENCED_OFF, OPEN_FENCE, OPEN_FENCE_TO_WRITE } from "./fence.ts";
import type { StoreNames } from "./names.ts";
import type { PostgresClient } from "./postgres-driver.ts";
import type { QueryRunner } from "./query-runner.ts";
import type { AppendLookup, Ask } from "./refusal.ts";
import { type Statement, statementOf } from "./statement.ts";

const DOING = "writing in the caller's transaction";
/** How often an append is tried again that does not say which version it expects, when others are faster. */
const MAX_TRIES = 20;

/** Parts of {@link TransactionJoiner}. */
export interface JoinerParts {
  readonly names: StoreNames;
  readonly identity: string;
  readonly executor: AppendExecutor;
  readonly reader: QueryRunner;
  /** For clients of callers: it names no prepared statements, which a pooler or DISCARD ALL would take away. */
  readonly unprepared: QueryRunner;
  readonly lookup: AppendLookup;
  readonly hasTags: boolean;
}

interface StoredInTransaction {
  readonly append: EncodedAppend;
  readonly result: AppendResult;
}

/** Takes part in transactions of callers. */
export class TransactionJoiner {
  readonly #parts: JoinerParts;
  readonly #identity: Statement;
  readonly #checked = new WeakSet<PostgresClient>();
  /** Savepoints of one transaction must not interleave. */
  readonly #last = new WeakMap<PostgresClient, Promise<unknown>>();
  /** What was stored last in a transaction of the store's own, or that it has ended. */
  readonly #stored = new WeakMap<PostgresClient, StoredInTransaction>();
  readonly #ended = new WeakSet<PostgresClient>();
  readonly #lentFrom = new WeakMap<PostgresClient, PostgresClient>();
  /** Clients of the store's own connections. What a caller does with its own clients may take prepared statements from them. */
  readonly #own = new WeakSet<PostgresClient>();

  constructor(parts: JoinerParts) {
    this.#parts = parts;
    this.#identity = statementOf(`SELECT value FROM ${parts.names.meta} WHERE key = 'identity'`);
  }

  /** The transaction's client is lent from another; prepared statements last on one of the store's own. */
  begin(tx: PostgresClient, { client, isOwn }: { readonly client: PostgresClient; readonly isOwn: boolean }): void {
    this.#lentFrom.set(tx, client);
    if (isOwn) this.#own.add(tx);
  }

  /** Runs `work` in the caller's transaction, which it only reads. */
  async read<Result>(tx: PostgresClient, work: (ask: Ask) => Promise<Result>): Promise<Result> {
    return this.#inTurn(tx, OPEN_FENCE, work);
  }

  /** Runs `work` in the caller's transaction so that it leaves nothing behind when it fails, while the transaction goes on. */
  async run<Result>(tx: PostgresClient, work: (ask: Ask) => Promise<Result>): Promise<Result> {
    return this.#inTurn(tx, OPEN_FENCE_TO_WRITE, work);
  }

  async #inTurn<Result>(tx: PostgresClient, open: string, work: (ask: Ask) => Promise<Result>): Promise<Result> {
    if (typeof tx !== "object" || tx === null || typeof tx.query !== "function") {
      throw new ConfigurationError(
        "tx is not a pg client; pass what transaction() gave to its work, or your own client with an open transaction",
      );
    }
    if (this.#ended.has(tx)) {
      throw new ConfigurationError(
        "tx is the client of a transaction() that has ended; use it only inside its work, and await everything there",
      );
    }
    const mine = (this.#last.get(tx) ?? Promise.resolve()).then(() => this.#guarded(tx, open, work));
    this.#last.set(
      tx,
      mine.catch(() => undefined),
    );
    return mine;
  }

  /**
   * Refuses what comes from now on, and waits for what is under way: a statement behind the COMMIT or ROLLBACK would be a
   * transaction of its own, and stay.
   */
  async end(tx: PostgresClient): Promise<void> {
    this.#ended.add(tx);
    await this.#last.get(tx);
  }

  /** Whether the last append of the transaction stands in the log; `undefined` when it had none. */
  async isStored(tx: PostgresClient): Promise<boolean | undefined> {
    const stored = this.#stored.get(tx);
    if (stored === undefined) return undefined;
    const { lookup, reader } = this.#parts;
    const ask: Ask = (statement, values) => reader.read(statement, values, { doing: "looking for a lost transaction" });
    return lookup.stands(ask, stored.append, stored.result);
  }

  /** Stores the append in the caller's transaction. */
  async append(tx: PostgresClient, append: EncodedAppend): Promise<AppendResult> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.run(tx, (ask) => this.#append(tx, ask, append));
      } catch (error) {
        if (!(error instanceof EventSourcingError) || sqlStateOf(error.cause) !== "23505") throw error;
        const outcome = await this.#afterCollision(append);
        if (outcome instanceof Error) throw outcome;
        if (outcome !== undefined) return outcome;
        if (tries === MAX_TRIES) throw error;
      }
    }
  }

  async #append(tx: PostgresClient, ask: Ask, append: EncodedAppend): Promise<AppendResult> {
    const { executor, lookup, hasTags, reader } = this.#parts;
    const command = (sql: string): Promise<void> => reader.command({ client: tx }, sql);
    const [verdict] = await executor.join(ask, command, { appends: [append], claims: [claimsOf(append, hasTags)] });
    if (verdict?.kind === "stored") {
      this.#stored.set(tx, { append, result: verdict.result });
      return verdict.result;
    }
    const outcome = await lookup.refusal(ask, append, { found: verdict?.found ?? [], match: verdict?.match });
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }

  /**
   * Another transaction has stored the version that this one was about to; the snapshot of this one may not show it. It may
   * have been a repetition of this append. `undefined`: the append may be tried again.
   */
  async #afterCollision(append: EncodedAppend): Promise<AppendResult | EventSourcingError | undefined> {
    const { lookup, reader } = this.#parts;
    const ask: Ask = (statement, values) => reader.read(statement, values, { doing: DOING });
    const found: number[] = [];
    for (const { streamId } of append.writes) found.push(await lookup.versionOf(ask, streamId));
    if (append.writes.every(({ expected }, index) => meetsExpectedVersion(expected, found[index] ?? 0)))
      return undefined;
    return lookup.refusal(ask, append, { found, match: undefined });
  }

  async #guarded<Result>(tx: PostgresClient, open: string, work: (ask: Ask) => Promise<Result>): Promise<Result> {
    const { reader, unprepared } = this.#parts;
    const connection = { client: tx };
    const runner = this.#own.has(tx) ? reader : unprepared;
    const ask: Ask = (statement, values) => runner.query(connection, statement, values);
    try {
      await reader.command(connection, open);
    } catch (error) {
      throw await this.#notOpened(tx, error);
    }
    try {
      await this.#check(this.#lentFrom.get(tx) ?? tx, ask);
      const result = await work(ask);
      await reader.command(connection, CLOSE_FENCE);
      return result;
    } catch (error) {
      await reader.command(connection, DROP_FENCE).catch(() => undefined);
      if (sqlStateOf(error) !== FENCED_OFF) throw toStoreError(error, DOING);
      throw new ConfigurationError(
        "the transaction was ended while this call was under way, and nothing of the call was written; await every call with tx before you end the transaction",
        { cause: error },
      );
    }
  }

  async #notOpened(tx: PostgresClient, error: unknown): Promise<EventSourcingError> {
    switch (sqlStateOf(error)) {
      case "25P01":
        return new ConfigurationError(
          "tx is a client without an open transaction; use it inside transaction(), or run BEGIN first",
          { cause: error },
        );
      case FENCED_OFF:
        await this.#parts.reader.command({ client: tx }, DROP_FENCE).catch(() => undefined);
        return new ConfigurationError(
          "tx is a transaction with isolation level REPEATABLE READ or SERIALIZABLE, whose snapshot is older than the log, so that it cannot be judged whether the write comes too late; nothing was written, begin it with BEGIN ISOLATION LEVEL READ COMMITTED",
          { cause: error },
        );
      default:
        return toStoreError(error, DOING);
    }
  }

  async #check(client: PostgresClient, ask: Ask): Promise<void> {
    if (this.#checked.has(client)) return;
    let row: readonly (string | null)[] | undefined;
    try {
      [row] = await ask(this.#identity, []);
    } catch (cause) {
      if (!["42P01", "3F000", "42501"].includes(sqlStateOf(cause) ?? "")) throw cause;
      throw new ConfigurationError(
        "tx is a transaction on a database that does not hold this event log, or its role may not read it; pass one on the store's own database",
        { cause },
      );
    }
    if (row?.[0] !== this.#parts.identity) {
      throw new ConfigurationError(
        "tx is a transaction on another database, which holds another event log; pass one on the store's own database",
      );
    }
    this.#checked.add(client);
  }
}
