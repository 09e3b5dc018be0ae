import { ConfigurationError, StoreClosedError, type TransactionalEventStore, UnsupportedError } from "@es/core";
import { encodeAppend, throwIfAborted } from "@es/core/adapter";
import { AppendStatements } from "./append-statements.ts";
import { AppendTask } from "./append-task.ts";
import { capabilitiesOf } from "./capabilities.ts";
import type { Connections } from "./connections.ts";
import { GroupWriter } from "./group-writer.ts";
import { type JoinedStatements, TransactionJoiner } from "./joined-transaction.ts";
import { KnownVersions } from "./known-versions.ts";
import { LiveWait } from "./live-wait.ts";
import type { ResolvedOptions } from "./options.ts";
import { LogReader } from "./read-all.ts";
import { StreamReader } from "./read-stream.ts";
import { RegisterStatements } from "./register-statements.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import { createSqliteRegisters, type SqliteCall } from "./sqlite-registers.ts";

/**
 * An event store in a SQLite file, which several processes may share, or in memory. A transaction is the better-sqlite3
 * `Database` it is open on.
 */
export interface SqliteEventStore extends TransactionalEventStore<SqliteDatabase> {}

/** The store over open connections. */
export function sqliteEventStore(connections: Connections, options: ResolvedOptions): SqliteEventStore {
  const { writer: connection, reader, identity, isReadOnly, database, view } = connections;
  const capabilities = capabilitiesOf(database, { ...connections, pollIntervalMs: options.pollIntervalMs });
  const known = new KnownVersions();
  const wait = new LiveWait(reader, options.pollIntervalMs);
  const writer = new GroupWriter({
    connection,
    timeoutMs: options.timeoutMs,
    maxPending: options.maxPendingWrites,
    onTransaction: (state) => {
      if (state === "begun") {
        view.begin(reader.head());
      } else {
        view.end();
        wait.notify();
      }
    },
  });
  const joiner = new TransactionJoiner(identity, connections);
  const streams = new StreamReader(reader, known);
  const log = new LogReader(reader, wait);
  const tools = {
    statements: new AppendStatements(database),
    known,
    clock: options.clock,
    onStored: () => wait.notify(),
  };
  let closing: Promise<void> | undefined;
  let isClosed = false;

  // A transaction that is running when the store is closed may still come to its end.
  const assertUsable = (call: SqliteCall | undefined): void => {
    if (isClosed || (closing !== undefined && call?.tx === undefined)) throw new StoreClosedError();
    throwIfAborted(call?.signal);
  };
  const assertWritable = (call: SqliteCall | undefined): void => {
    assertUsable(call);
    if (isReadOnly) {
      throw new UnsupportedError(
        "the event store is read-only: it was opened so, or this process may not write the file",
      );
    }
  };
  const join = (tx: SqliteDatabase): JoinedStatements => {
    if (tx === database && !connection.isForeign && !writer.isInTransaction) {
      throw new ConfigurationError(
        "tx is the handle of a transaction() that has ended; use it only inside its work, and await everything there",
      );
    }
    return joiner.join(tx);
  };

  const close = async (): Promise<void> => {
    reader.close();
    wait.notify();
    await writer.close();
    try {
      // Spares the next one to open the file the work; whoever reads or writes meanwhile is not disturbed.
      if (!isReadOnly && !connection.isForeign && database.open) database.pragma("wal_checkpoint(PASSIVE)");
    } catch {
      // The write-ahead log stays as it is, and nothing is lost by that.
    }
    isClosed = true;
    connections.close();
  };

  return {
    capabilities,

    registers: createSqliteRegisters({
      reader,
      hidden: reader.isShared ? view.registers : new Map(),
      readStatements: new RegisterStatements(reader.database),
      writeStatements: new RegisterStatements(database),
      writer,
      assertUsable,
      assertWritable,
      inTransaction: (tx, work) => {
        const { registers, guarded } = join(tx);
        return guarded(() => work(registers));
      },
    }),

    async append(writes, call) {
      assertWritable(call);
      const append = encodeAppend(writes, call?.if, capabilities);
      if (call?.tx === undefined) return writer.submit(new AppendTask(append, tools), call?.signal);
      const { appends, guarded } = join(call.tx);
      return guarded(() => appends.append(append, Math.round(options.clock())));
    },

    readStream: (streamId, call) => streams.read(streamId, call),
    readAll: (call) => log.read(call),
    head: (call) => reader.run(() => reader.headPosition(), call?.signal),

    async identity(call) {
      assertUsable(call);
      return identity;
    },

    async transaction(work, call) {
      assertWritable(call);
      return writer.transaction(work, call?.signal);
    },

    async [Symbol.asyncDispose]() {
      closing ??= close();
      await closing;
    },
  };
}
