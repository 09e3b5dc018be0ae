import { EventSourcingError, StoreClosedError, StoreUnavailableError } from "@es/core";
import { delay, throwIfAborted } from "@es/core/adapter";
import { isConnectionLost, sqlStateOf, toStoreError } from "./driver-error.ts";
import type { PostgresClient, PostgresPool, PostgresPoolClient } from "./postgres-driver.ts";
import { type PrimaryCheck, StandbyError } from "./standby.ts";
import { queryOf, type Statement } from "./statement.ts";
import { now, unlessAborted, withinLimit } from "./time-limit.ts";

/** How much longer than the server the client waits: its own limit is for a server or a network that answers no more. */
const GRACE_MS = 1_000;
const RETRY_MS = 50;

/** A row as the server's texts. */
export type TextRow = readonly (string | null)[];

/** What a call has in common with others. */
export interface CallLimits {
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
}

/** A borrowed connection. Give it back with `release`. */
export interface Borrowed {
  readonly client: PostgresClient;
  /** Whether its connection was cut since it was borrowed. */
  isLost(): boolean;
  /** @param isBroken - whether its connection is to be closed, because nobody knows what it is doing */
  release(isBroken: boolean): void;
}

/** Runs statements on connections of one pool, within limits. */
export class QueryRunner {
  readonly #pool: PostgresPool;
  readonly #primary: PrimaryCheck | undefined;
  readonly isPrepared: boolean;
  readonly timeoutMs: number;
  #isClosed = false;

  /** @param primary - refuses connections that do not lead to the primary */
  constructor(
    pool: PostgresPool,
    options: { readonly isPrepared: boolean; readonly timeoutMs: number },
    primary?: PrimaryCheck,
  ) {
    this.#pool = pool;
    this.#primary = primary;
    this.isPrepared = options.isPrepared;
    this.timeoutMs = options.timeoutMs;
  }

  /** What fails from now on is not tried again: the connections are being ended. */
  close(): void {
    this.#isClosed = true;
  }

  /**
   * Borrows a connection; a lost one or a server that restarts is tried again until the deadline.
   * @throws the toolkit's error for that of the last try
   */
  async borrow({ deadline, signal }: CallLimits): Promise<Borrowed> {
    for (;;) {
      const connecting = this.#connect();
      try {
        return await withinLimit(connecting, {
          deadline,
          signal,
          late: () =>
            this.#primary?.standby ??
            new StoreUnavailableError(`no connection to PostgreSQL within ${this.timeoutMs} ms; try again`),
        });
      } catch (error) {
        // Should it come later after all, it goes straight back.
        connecting.then((connection) => connection.release(false)).catch(() => undefined);
        if (this.#isClosed) throw new StoreClosedError(undefined, { cause: error });
        if (!mayComeBack(error) || now() + RETRY_MS >= deadline) throw toStoreError(error, "connecting");
      }
      await delay(RETRY_MS, signal);
    }
  }

  async #connect(): Promise<Borrowed> {
    const connection = borrowed(await this.#pool.connect());
    try {
      await this.#check(connection.client);
      return connection;
    } catch (error) {
      connection.release(true);
      throw error;
    }
  }

  /** Nobody may be waiting for it any more, and without a limit a connection that has gone silent would be borrowed for ever. */
  async #check(client: PostgresClient): Promise<void> {
    if (this.#primary !== undefined) await withinLimit(this.#primary.check(client), this.#answerLimit());
  }

  /** Runs one statement on a borrowed connection; the answer has the runner's time, however long the connection took. */
  async query(
    { client }: Pick<Borrowed, "client">,
    statement: Statement | string,
    values: readonly unknown[],
  ): Promise<readonly TextRow[]> {
    const answer = client.query<(string | null)[]>(queryOf(statement, values, this.isPrepared));
    const { rows } = await withinLimit(answer, this.#answerLimit());
    return rows;
  }

  /** Runs commands that return nothing on a borrowed connection, several when a ";" parts them. */
  async command({ client }: Pick<Borrowed, "client">, sql: string): Promise<void> {
    await withinLimit(client.query(queryOf(sql, [], false)), this.#answerLimit());
  }

  /** The rows of a statement that only reads; it is run again when its connection is lost. */
  async read(
    statement: Statement,
    values: readonly unknown[],
    { doing, signal }: { readonly doing: string; readonly signal?: AbortSignal | undefined },
  ): Promise<readonly TextRow[]> {
    const deadline = now() + this.timeoutMs;
    for (;;) {
      try {
        // An aborted caller does not wait for the server; the connection is free when the server is done.
        return await unlessAborted(this.#once(statement, values, { deadline, signal }), signal);
      } catch (error) {
        if (this.#isClosed || !isConnectionLost(error) || now() + RETRY_MS >= deadline)
          throw toStoreError(error, doing);
      }
      await delay(RETRY_MS, signal);
    }
  }

  /** The rows of a statement that is run once at most, and not aborted once it has begun. @throws the driver's error */
  async once(statement: Statement, values: readonly unknown[], signal?: AbortSignal): Promise<readonly TextRow[]> {
    return this.#once(statement, values, { deadline: now() + this.timeoutMs, signal });
  }

  async #once(statement: Statement, values: readonly unknown[], limits: CallLimits): Promise<readonly TextRow[]> {
    throwIfAborted(limits.signal);
    const connection = await this.borrow(limits);
    const answer = this.query(connection, statement, values);
    answer.then(
      () => connection.release(false),
      (error: unknown) => connection.release(isConnectionLost(error)),
    );
    return answer;
  }

  #answerLimit(): { readonly deadline: number; readonly late: () => Error } {
    const deadline = now() + this.timeoutMs + GRACE_MS;
    return { deadline, late: () => new Error(`PostgreSQL did not answer within ${this.timeoutMs + GRACE_MS} ms`) };
  }
}

function borrowed(client: PostgresPoolClient): Borrowed {
  let isLost = false;
  // Without a listener the event would end the process.
  const onError = (): void => {
    isLost = true;
  };
  client.on("error", onError);
  return {
    client,
    isLost: () => isLost,
    release(isBroken) {
      const destroy = isBroken || isLost;
      // A connection that is being closed may still report an error, and then nobody else listens any more.
      if (!destroy) client.removeListener("error", onError);
      client.release(destroy);
    },
  };
}

/** Whether connecting may succeed in a moment: the server starts, restarts, is being promoted, or has no connection left. */
function mayComeBack(error: unknown): boolean {
  if (error instanceof EventSourcingError) return error instanceof StandbyError;
  const state = sqlStateOf(error);
  if (state === "08P01") return false;
  if (state !== undefined) return state.startsWith("57P") || state.startsWith("53") || state.startsWith("08");
  return toStoreError(error, "connecting").retryable;
}
