import type { EventStore } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import Database from "better-sqlite3";
import {
  type CheckpointedSink,
  createSqliteSink,
  defineProjection,
  type ExactlyOnce,
  type ExactlyOnceRebuildOptions,
  exactlyOnce,
  type Projection,
} from "../src/index.ts";
import { accountEvents } from "./accounts.ts";
import type { BalanceDatabase } from "./balances.ts";
import { temporaryDirectory } from "./temporary-file.ts";

/** The part of a database that versions write with. */
export interface VersionDatabase extends BalanceDatabase {
  exec(sql: string): unknown;
}

type VersionOptions = Pick<
  ExactlyOnceRebuildOptions<VersionDatabase>,
  "readModel" | "store" | "sink" | "prepare" | "activate"
>;

/** A database with a view `balances`, which is one of several tables. */
export interface VersionedPlace extends AsyncDisposable {
  readonly store: EventStore<unknown>;
  readonly sink: CheckpointedSink<Database.Database>;
  /** What readers see: how many events are in it, and their sum; `undefined` when there is no view. */
  read(): { readonly events: number; readonly total: number } | undefined;
  /** Names of the tables. */
  tables(): readonly string[];
  /** Side effects outside of the database: what a version did, and for which amount. */
  readonly effects: string[];
  /** A version of the projection. It multiplies amounts, so that versions can be told apart. */
  version(number: number, onEvent?: (amount: number) => void | Promise<void>): Projection<ExactlyOnce<VersionDatabase>>;
  /** How a version takes its place. */
  rebuild(
    number: number,
  ): Pick<ExactlyOnceRebuildOptions<VersionDatabase>, "readModel" | "store" | "sink" | "prepare" | "activate">;
}

/** Makes an empty place. */
export async function openVersionedPlace(): Promise<VersionedPlace> {
  const directory = await temporaryDirectory();
  const path = directory.path("views.db");
  const store = createMemoryEventStore();
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  const reader = new Database(path, { readonly: false });
  const sink = createSqliteSink(database);
  const effects: string[] = [];
  return {
    store,
    sink,
    effects,
    read() {
      const view = reader.prepare("SELECT name FROM sqlite_master WHERE type = 'view'").all();
      if (view.length === 0) return undefined;
      return reader
        .prepare<[], { events: number; total: number }>(
          "SELECT coalesce(sum(events), 0) AS events, coalesce(sum(total), 0) AS total FROM balances",
        )
        .get();
    },
    tables: () =>
      reader
        .prepare<[], string>(
          "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'balances%' ORDER BY name",
        )
        .pluck()
        .all(),
    version: (number, onEvent) => version(number, onEvent, (effect) => void effects.push(effect)),
    rebuild: (number) => rebuildOptions(number, store, sink),
    async [Symbol.asyncDispose]() {
      reader.close();
      database.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** A version of the projection. It multiplies amounts, so that versions can be told apart. */
export function version(
  number: number,
  onEvent: (amount: number) => void | Promise<void> = () => undefined,
  onEffect: (effect: string) => void = () => undefined,
): Projection<ExactlyOnce<VersionDatabase>> {
  return defineProjection({
    name: `balances-v${number}`,
    events: accountEvents,
    types: ["Deposited"],
    delivery: exactlyOnce<VersionDatabase>(),
    handlers: {
      Deposited: async ({ streamId, data }, { tx, isReplay }) => {
        await onEvent(data.amount);
        tx.prepare(
          `INSERT INTO balances_v${number} VALUES (?, ?, 1) ON CONFLICT (stream) DO UPDATE SET total = total + excluded.total, events = events + 1`,
        ).run(streamId, data.amount * number);
        if (!isReplay) onEffect(`v${number}:${data.amount}`);
      },
    },
  });
}

/** How a version takes its place. */
export function rebuildOptions(
  number: number,
  store: EventStore<unknown>,
  sink: CheckpointedSink<VersionDatabase>,
): VersionOptions {
  return {
    readModel: "balances",
    store,
    sink,
    prepare: (tx) => {
      tx.exec(`CREATE TABLE balances_v${number} (stream TEXT PRIMARY KEY, total INTEGER, events INTEGER) STRICT`);
    },
    activate: (tx) => {
      tx.exec(`DROP VIEW IF EXISTS balances; CREATE VIEW balances AS SELECT * FROM balances_v${number}`);
    },
  };
}

/** A version without a database, whose side effects are noted as `v1:5`. */
export function notingVersion(number: number, effects: string[]): Projection {
  return defineProjection({
    name: `v${number}`,
    events: accountEvents,
    types: ["Deposited"],
    handlers: {
      Deposited: ({ data }, { isReplay }) => {
        if (!isReplay) effects.push(`v${number}:${data.amount}`);
      },
    },
  });
}
