import { InvalidPositionError, StoreClosedError, type TransactionalEventStore, UnsupportedError } from "@es/core";
import { encodeAppend, type EncodedCondition, formatPosition, throwIfAborted } from "@es/core/adapter";
import { AppendExecutor } from "./append-executor.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { type Connections, LOCK_TIMEOUT_MS, PATIENT_APPENDS } from "./connections.ts";
import { GroupWriter } from "./group-writer.ts";
import { Head } from "./head.ts";
import type { ServerFacts } from "./inspect-server.ts";
import { TransactionJoiner } from "./joined-transaction.ts";
import { KnownStreams } from "./known-streams.ts";
import { LiveWait } from "./live-wait.ts";
import type { EventLog } from "./migrate.ts";
import type { StoreNames } from "./names.ts";
import { Listener, Notifier } from "./notifications.ts";
import type { ResolvedOptions } from "./options.ts";
import type { PostgresClient } from "./postgres-driver.ts";
import { outlastOutages } from "./outlast-outages.ts";
import { createPostgresRegisters, type PostgresCall } from "./postgres-registers.ts";
import { QueryRunner } from "./query-runner.ts";
import { LogReader } from "./read-all.ts";
import { StreamReader } from "./read-stream.ts";
import { AppendLookup } from "./refusal.ts";
import { RegisterStatements } from "./register-statements.ts";
import { RegisterWriter } from "./register-writer.ts";
import { PrimaryCheck } from "./standby.ts";
import { StoreReader } from "./store-reader.ts";
import { TransactionRunner } from "./transaction-runner.ts";

/** An event store in a PostgreSQL database, which any number of processes share. A transaction is the `pg` client it is open on. */
export interface PostgresEventStore extends TransactionalEventStore<PostgresClient> {}

/** What a store is made of. */
export interface StoreParts {
  readonly connections: Connections;
  readonly names: StoreNames;
  readonly log: EventLog;
  readonly server: ServerFacts;
  readonly options: ResolvedOptions;
}

/** The store over connections to a database that holds an event log. */
export function postgresEventStore({ connections, names, log, server, options }: StoreParts): PostgresEventStore {
  const { hasTags, identity } = log;
  const { timeoutMs } = options;
  const primary = new PrimaryCheck();
  const runner = new QueryRunner(connections.read, options, primary);
  const reader = new StoreReader(runner);
  const capabilities = capabilitiesOf(server, { ...options, hasTags });
  const known = new KnownStreams();
  const onIdleLost = (): void => known.forget();
  connections.onIdleLost(onIdleLost);
  const lookup = new AppendLookup(names);
  const head = new Head(runner, names);
  const wait = new LiveWait(head, options.pollIntervalMs);
  const notifier = new Notifier(runner, names);
  const listener = connections.makeListener && new Listener(connections.makeListener, names, () => wait.notify());
  const onStored = (): void => {
    wait.notify();
    notifier.notify();
  };
  const { isLimited } = connections;
  const executor = new AppendExecutor(new QueryRunner(connections.write, options, primary), names, {
    hasTags,
    isLimited,
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    onIdleLost,
  });
  const patient = new AppendExecutor(new QueryRunner(connections.patient, options, primary), names, {
    hasTags,
    isLimited,
    lockTimeoutMs: 0,
    onIdleLost,
  });
  const writer = new GroupWriter({
    executor,
    patient,
    reader: runner,
    lookup,
    known,
    hasTags,
    maxPending: options.maxPendingWrites,
    maxGroups: options.writeConnections,
    maxPatient: PATIENT_APPENDS,
    timeoutMs,
    onStored,
  });
  const unprepared = new QueryRunner(connections.transaction, { timeoutMs, isPrepared: false });
  const joiner = new TransactionJoiner({ names, identity, executor, reader: runner, unprepared, lookup, hasTags });
  const transactions = new TransactionRunner(new QueryRunner(connections.transaction, options, primary), {
    reader: runner,
    joiner,
    isOwn: isLimited,
    idleTimeoutMs: options.transactionIdleTimeoutMs,
    onCommitted: onStored,
  });
  const streams = new StreamReader(reader, names, known);
  const logReader = new LogReader(reader, names, { head, wait });
  let closing: Promise<void> | undefined;
  let isClosed = false;

  // A transaction that is running when the store is closed may still come to its end.
  const assertUsable = (call: PostgresCall | undefined): void => {
    if (isClosed || (closing !== undefined && call?.tx === undefined)) throw new StoreClosedError();
    throwIfAborted(call?.signal);
  };

  const assertNotAhead = async ({ source, after }: EncodedCondition): Promise<void> => {
    if (after <= head.known || after <= (await head.newest())) return;
    throw new InvalidPositionError(
      source.after,
      "lies ahead of the newest event; it belongs to another store or to a later backup",
    );
  };

  const close = async (): Promise<void> => {
    reader.close();
    wait.close();
    await Promise.all([writer.close(), transactions.close()]);
    isClosed = true;
    executor.close();
    patient.close();
    notifier.close();
    runner.close();
    await Promise.all([listener?.close(timeoutMs), connections.close()]);
  };

  listener?.start();

  return {
    capabilities,

    registers: createPostgresRegisters({
      reader,
      writer: new RegisterWriter(runner, names, { isLimited }),
      statements: new RegisterStatements(names),
      joinedStatements: new RegisterStatements(names, { isFenced: true }),
      joiner,
      assertUsable,
    }),

    async append(writes, call) {
      assertUsable(call);
      if (call?.if !== undefined && !hasTags) throw new UnsupportedError(`conditions: ${capabilities.gaps.conditions}`);
      const append = encodeAppend(writes, call?.if, capabilities);
      if (append.condition !== undefined) {
        await assertNotAhead(append.condition);
        assertUsable(call);
      }
      return call?.tx === undefined ? writer.submit(append, call?.signal) : joiner.append(call.tx, append);
    },

    readStream: (streamId, call) => streams.read(streamId, call),
    readAll: (call) => outlastOutages((options) => logReader.read(options), call),

    async head(call) {
      return formatPosition(await reader.guard(() => head.ask(), call?.signal));
    },

    async identity(call) {
      assertUsable(call);
      return identity;
    },

    async transaction(work, call) {
      assertUsable(call);
      return transactions.run(work, call?.signal);
    },

    async [Symbol.asyncDispose]() {
      closing ??= close();
      await closing;
    },
  };
}
