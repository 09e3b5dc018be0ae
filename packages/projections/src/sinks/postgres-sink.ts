import { ConfigurationError, StoreUnavailableError, UnknownOutcomeError } from "@es/core";
import { aFunction, assertMembers, required } from "../definition/member-rules.ts";
import { guardedClient } from "./guarded-client.ts";
import { SinkConnection } from "./postgres-sink-connection.ts";
import type { PostgresSinkClient, PostgresSinkPool } from "./postgres-sink-driver.ts";
import { isPassing, toSinkError } from "./postgres-sink-error.ts";
import { type OnConnection, postgresSinkRegisters } from "./postgres-sink-registers.ts";
import { prepareTable, registersTable } from "./postgres-sink-table.ts";
import type { CheckpointedSink } from "./sink.ts";
import { TransactionGuard } from "./transaction-guard.ts";

/** Options of {@link createPostgresSink}. */
export interface PostgresSinkOptions {
  /**
   * The schema of the table `es_projection_registers`. Made when it is not there.
   * @defaultValue `"public"`
   */
  readonly schema?: string;
  /** How long to wait for a connection, and for the answer to a statement of the sink itself. @defaultValue 10000 */
  readonly timeoutMs?: number;
  /**
   * How long a handler may leave the transaction idle. The server then ends it, so that the rows which a process has locked that
   * hangs do not hold up the one that takes over.
   * @defaultValue 60000
   */
  readonly idleTimeoutMs?: number;
}

/**
 * A sink over a PostgreSQL database: read models and checkpoints share its transactions, one a page, and the checkpoints are in its
 * table `es_projection_registers`. Handlers get `query` of the pool's client as `tx`, a {@link PostgresTransaction}. It works behind a
 * pooler that shares connections between transactions.
 *
 * Nothing is read or written before the first use, which makes the table when it is not there, and fails with a `StoreFormatError`
 * when a newer version of this package made it.
 *
 * @example
 * ```ts
 * import { createPostgresSink } from "@es/projections";
 * import pg from "pg";
 *
 * const sink = createPostgresSink(new pg.Pool({ connectionString: "postgres://app@localhost/views" }));
 * ```
 * @throws ConfigurationError when an option is wrong
 */
export function createPostgresSink<Client extends PostgresSinkClient = PostgresSinkClient>(
  pool: PostgresSinkPool<Client>,
  options: PostgresSinkOptions = {},
): CheckpointedSink<Pick<Client, "query">> {
  assertMembers("the pool of the sink", pool, { connect: required(aFunction) });
  const { schema = "public", timeoutMs = 10_000, idleTimeoutMs = 60_000 } = options;
  const table = registersTable(schema);
  for (const [name, value] of Object.entries({ timeoutMs, idleTimeoutMs })) {
    if (!Number.isSafeInteger(value) || value < 1 || value > 2 ** 31 - 1) {
      throw new ConfigurationError(`${name} is ${value}; it must be a whole number of milliseconds from 1`);
    }
  }
  const begin = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = ${idleTimeoutMs}`;
  /** The connections whose transactions are open. */
  const open = new Map<
    Pick<Client, "query">,
    { readonly connection: SinkConnection<Client>; readonly guard: TransactionGuard }
  >();
  let ready: Promise<void> | undefined;

  async function borrow(signal: AbortSignal | undefined): Promise<SinkConnection<Client>> {
    const connection = await SinkConnection.borrow(pool, timeoutMs, signal);
    try {
      ready ??= prepareTable(connection, schema);
      await ready;
      return connection;
    } catch (error) {
      ready = undefined;
      connection.release();
      throw toSinkError(error, "looking for the table of the sink");
    }
  }

  const onConnection: OnConnection<Client> = async (call, work) => {
    if (call?.tx !== undefined) {
      const joined = open.get(call.tx);
      if (joined !== undefined) {
        joined.guard.assertOpen();
        return work(joined.connection);
      }
      throw new ConfigurationError(
        "tx is not an open transaction of this sink; pass what transaction() gave to its work",
      );
    }
    const connection = await borrow(call?.signal);
    try {
      return await work(connection);
    } finally {
      connection.release();
    }
  };

  async function transaction<Result>(
    work: (tx: Pick<Client, "query">) => Promise<Result>,
    call: { readonly signal?: AbortSignal } = {},
  ): Promise<Result> {
    const connection = await borrow(call.signal);
    const { client } = connection;
    // Drivers that do not tell cannot be checked.
    const guard = new TransactionGuard(() => connection.isLost || client.getTransactionStatus?.() !== "I");
    const tx = guardedClient(client, guard);
    try {
      await connection.query(begin).catch((error: unknown) => {
        throw toSinkError(error, "beginning a transaction");
      });
      open.set(tx, { connection, guard });
      const result = await work(tx)
        .catch((error: unknown) => {
          guard.finish(error);
          throw error;
        })
        .finally(() => open.delete(tx));
      guard.finish();
      await commit(connection);
      return result;
    } catch (error) {
      throw await rolledBack(connection, error);
    } finally {
      connection.release();
    }
  }

  return { registers: postgresSinkRegisters(table, onConnection), transaction };
}

/** A commit whose answer does not come may have happened. */
async function commit(connection: SinkConnection<PostgresSinkClient>): Promise<void> {
  let isCommitted: boolean;
  try {
    isCommitted = await connection.commit();
  } catch (error) {
    if (!connection.isLost) throw toSinkError(error, "committing; nothing was written");
    throw new UnknownOutcomeError(
      "the connection to the sink's database was lost while committing; read what was written to see whether it was",
      { cause: error },
    );
  }
  if (isCommitted) return;
  throw new ConfigurationError(
    "a statement of the transaction had failed, so nothing of it was written; let the work fail with it, or use a savepoint",
  );
}

/** Rolls back. @returns the error to throw: one that says so when it was the database that failed, and not the work */
async function rolledBack(connection: SinkConnection<PostgresSinkClient>, error: unknown): Promise<unknown> {
  if (!connection.isLost) await connection.query("ROLLBACK").catch(() => undefined);
  if (error instanceof UnknownOutcomeError) return error;
  if (!connection.isLost && !isPassing(error)) return error;
  if (error instanceof StoreUnavailableError) return error;
  return new StoreUnavailableError(
    "the sink's database, or the connection to it, failed while the transaction was open; nothing of it was written",
    { cause: error },
  );
}
