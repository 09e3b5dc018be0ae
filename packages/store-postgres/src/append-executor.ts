import {
  appendStatement,
  appendValues,
  batchStatement,
  loneStatements,
  type Verdict,
  verdictsOf,
} from "./append-statement.ts";
import { type EncodedAppend, formatPosition } from "@es/core/adapter";
import { type Claims, lockSql } from "./claims.ts";
import { ConditionCheck } from "./condition-check.ts";
import { isConnectionLost } from "./driver-error.ts";
import { KeptConnections } from "./kept-connections.ts";
import { BackendIds, LostAnswer, type LostWork } from "./lost-answer.ts";
import type { StoreNames } from "./names.ts";
import type { Borrowed, QueryRunner } from "./query-runner.ts";
import type { Ask } from "./refusal.ts";
import type { Statement } from "./statement.ts";

/** Appends that one statement carries. No two of them claim the same. */
export interface Group {
  readonly appends: readonly EncodedAppend[];
  readonly claims: readonly Claims[];
  /** The version that the stream of a lone append has, as far as is known; it need not be right. */
  readonly base?: number | undefined;
}

/** Options of {@link AppendExecutor}. */
export interface ExecutorOptions {
  readonly hasTags: boolean;
  /** Whether the connections' own settings limit time and waiting. */
  readonly isLimited: boolean;
  /** How long a statement may wait for a lock; 0: as long as it may take. */
  readonly lockTimeoutMs: number;
  /** Called when an idle connection was cut. */
  readonly onIdleLost: () => void;
}

/** A verdict, and the oldest event that breaks the append's condition. */
export type Judged = Verdict & { readonly match: number | undefined };

/** Sends groups of appends to the server. */
export class AppendExecutor {
  readonly #runner: QueryRunner;
  readonly #names: StoreNames;
  readonly #hasTags: boolean;
  readonly #isTransaction: boolean;
  readonly #limits: string;
  readonly #statement: Statement;
  readonly #joined: Statement;
  readonly #lone: ReturnType<typeof loneStatements>;
  readonly #batch: Statement;
  readonly #conditions: ConditionCheck;
  readonly #connections: KeptConnections;
  readonly #backends = new BackendIds();

  constructor(runner: QueryRunner, names: StoreNames, options: ExecutorOptions) {
    const { hasTags, isLimited, lockTimeoutMs } = options;
    this.#runner = runner;
    this.#names = names;
    this.#hasTags = hasTags;
    this.#isTransaction = hasTags || !isLimited;
    this.#limits = `SET LOCAL statement_timeout = ${runner.timeoutMs}; SET LOCAL lock_timeout = ${lockTimeoutMs}; SET LOCAL plan_cache_mode = force_generic_plan`;
    this.#statement = appendStatement(names, { hasTags, tellsTransaction: this.#isTransaction });
    this.#joined = appendStatement(names, { hasTags, isFenced: true });
    this.#lone = loneStatements(names);
    this.#batch = batchStatement(names);
    this.#conditions = new ConditionCheck(names);
    // Only the store's own connections have limits of their own.
    this.#connections = new KeptConnections(runner, { isKeeping: isLimited, onLost: options.onIdleLost });
  }

  /**
   * Stores what of the group can be stored. When it throws anything but `LostAnswer`, nothing of it is stored.
   *
   * Without tags it is one statement, which is its own transaction. Locks on tags need a transaction around it. So does a pooler,
   * because the backend behind it has no identity that lasts, but the transaction has; and so do connections of the caller, to
   * set limits for nobody else.
   */
  async execute(group: Group, deadline: number): Promise<readonly Judged[]> {
    const connection = await this.#connections.borrow({ deadline });
    let isBroken = false;
    try {
      return await (this.#isTransaction ? this.#inTransaction(connection, group) : this.#alone(connection, group));
    } catch (error) {
      isBroken = error instanceof LostAnswer || isConnectionLost(error);
      throw error;
    } finally {
      this.#connections.giveBack(connection, isBroken);
    }
  }

  /** Gives its connections back. */
  close(): void {
    this.#connections.close();
  }

  /** Stores an append, if it can be stored, in a transaction that is open on the connection. */
  async join(ask: Ask, command: (sql: string) => Promise<void>, group: Group): Promise<readonly Judged[]> {
    const locks = this.#locksOf(group);
    if (locks !== undefined) await command(locks);
    return (await this.#store(ask, group, this.#joined)).verdicts;
  }

  async #alone(connection: Borrowed, group: Group): Promise<readonly Judged[]> {
    let work: LostWork = { kind: "nothing" };
    try {
      const backend = await this.#backends.of(connection.client, (statement) =>
        this.#runner.query(connection, statement, []),
      );
      work = { kind: "backend", backend };
      const ask: Ask = (statement, values) => this.#runner.query(connection, statement, values);
      return (await this.#storeLone(ask, group)) ?? (await this.#store(ask, group, this.#statement)).verdicts;
    } catch (error) {
      if (isConnectionLost(error)) throw new LostAnswer(work, error);
      throw error;
    }
  }

  /** Stores a lone append to one stream; `undefined` when it is not one, or the stream is not where it should be. */
  async #storeLone(ask: Ask, { appends, base }: Group): Promise<readonly Judged[] | undefined> {
    const [write, ...others] = appends.length === 1 ? (appends[0]?.writes ?? []) : [];
    if (write === undefined || others.length > 0 || base === undefined) return undefined;
    const { streamId, events } = write;
    const [first, ...more] = events;
    if (first === undefined) return undefined;
    const [row] =
      more.length === 0
        ? await ask(base === 0 ? this.#lone.first : this.#lone.next, [
            streamId,
            base,
            first.id,
            first.type,
            first.data,
            first.metadata,
          ])
        : await ask(this.#batch, [
            streamId,
            base,
            events.map(({ id }) => id),
            events.map(({ type }) => type),
            events.map(({ data }) => data),
            events.map(({ metadata }) => metadata),
          ]);
    const position = row?.[0] ?? null;
    if (position === null) return undefined;
    const versions = [base + events.length];
    return [
      {
        kind: "stored",
        result: { position: formatPosition(Number(position)), versions, duplicate: false },
        match: undefined,
      },
    ];
  }

  /** Until its COMMIT is sent, a transaction whose connection is lost cannot be committed any more. */
  async #inTransaction(connection: Borrowed, group: Group): Promise<readonly Judged[]> {
    const command = (sql: string): Promise<void> => this.#runner.command(connection, sql);
    let work: LostWork = { kind: "nothing" };
    try {
      const locks = this.#locksOf(group);
      await command(`BEGIN ISOLATION LEVEL READ COMMITTED; ${this.#limits}${locks === undefined ? "" : `; ${locks}`}`);
      const { verdicts, transaction } = await this.#store(
        (statement, values) => this.#runner.query(connection, statement, values),
        group,
        this.#statement,
      );
      const results = verdicts.map((verdict) => (verdict.kind === "stored" ? verdict.result : undefined));
      if (results.some((result) => result !== undefined)) work = { kind: "transaction", transaction, results };
      await command("COMMIT");
      return verdicts;
    } catch (error) {
      if (isConnectionLost(error)) throw new LostAnswer(work, error);
      await command("ROLLBACK").catch((lost: unknown) => {
        throw new LostAnswer({ kind: "nothing" }, lost);
      });
      throw error;
    }
  }

  #locksOf({ claims }: Group): string | undefined {
    return this.#hasTags ? lockSql(claims, this.#names.lockClass) : undefined;
  }

  /** Checks the conditions, in a snapshot that is younger than the locks, and runs the statement. */
  async #store(
    ask: Ask,
    { appends }: Group,
    statement: Statement,
  ): Promise<{ readonly verdicts: readonly Judged[]; readonly transaction: string }> {
    const matches = this.#hasTags ? await this.#conditions.matches(ask, appends) : new Map<number, number>();
    const inputs = appends.map((append, index) => ({ append, holds: !matches.has(index) }));
    const rows = await ask(statement, appendValues(inputs, this.#hasTags));
    const verdicts = verdictsOf(inputs, rows).map((verdict, index) => ({ ...verdict, match: matches.get(index) }));
    return { verdicts, transaction: rows[0]?.[2] ?? "" };
  }
}
