import { type AppendResult, ConcurrencyError, ConditionFailedError, InvalidPositionError } from "@es/core";
import {
  type EncodedAppend,
  type EncodedCondition,
  type EncodedWrite,
  formatPosition,
  meetsExpectedVersion,
  type PreparedTextEvent,
  versionBefore,
} from "@es/core/adapter";
import { firstMatchSql } from "./filter-sql.ts";
import { prepareRows, prepareValue, type SqliteDatabase, type SqliteStatement } from "./sqlite-database.ts";
import { InsertStatements, VersionTaken } from "./insert-statements.ts";
import type { KnownVersions } from "./known-versions.ts";
import { StatementCache } from "./statement-cache.ts";

/** The statements that store events through one connection. They run synchronously in the transaction that is open there. */
export class AppendStatements {
  readonly #version: SqliteStatement<number>;
  readonly #inserts: InsertStatements;
  readonly #ids: SqliteStatement<readonly [number, string]>;
  readonly #versionOfId: SqliteStatement<number>;
  readonly #head: SqliteStatement<number | null>;
  readonly #matchers: StatementCache<number>;

  constructor(database: SqliteDatabase) {
    this.#version = prepareValue(
      database,
      "SELECT version FROM es_events WHERE stream = ? ORDER BY version DESC LIMIT 1",
    );
    this.#inserts = new InsertStatements(database);
    this.#ids = prepareRows(
      database,
      "SELECT position, id FROM es_events WHERE stream = ? AND version BETWEEN ? AND ? ORDER BY version",
    );
    this.#versionOfId = prepareValue(
      database,
      "SELECT version FROM es_events WHERE stream = ? AND id = ? AND position > ? ORDER BY version LIMIT 1",
    );
    this.#head = prepareValue(database, "SELECT max(position) FROM es_events");
    this.#matchers = new StatementCache((sql) => prepareValue(database, sql));
  }

  /** The stream's current version. */
  versionOf(streamId: string): number {
    return this.#version.get(streamId) ?? 0;
  }

  /**
   * Stores all of the append or refuses it. Everything is checked before the first row is written, so a refusal has written
   * nothing; any other error may have left rows, and the caller must roll back.
   *
   * `known` spares a lone write the look at its stream, when that is known to have reached the expected version.
   *
   * @throws ConcurrencyError, ConditionFailedError, InvalidPositionError
   */
  append(append: EncodedAppend, recordedAt: number, known?: KnownVersions): AppendResult {
    const { writes, condition } = append;
    const unseen = known === undefined ? undefined : this.#storeUnseen(append, recordedAt, known);
    if (unseen !== undefined) return unseen;
    if (condition !== undefined) this.#assertNotAhead(condition);
    const bases: number[] = [];
    for (const { streamId, expected } of writes) {
      const actual = this.versionOf(streamId);
      if (!meetsExpectedVersion(expected, actual)) {
        const earlier = this.#earlierResult(
          writes,
          (write) => versionBefore(write.expected) ?? (condition && this.#placeBehind(write, condition.after)),
        );
        if (earlier !== undefined) return earlier;
        throw new ConcurrencyError({ streamId, expected, actual });
      }
      bases.push(actual);
    }
    if (condition !== undefined) {
      const match = this.#firstMatch(condition);
      if (match !== undefined) {
        const earlier = this.#earlierResult(writes, (write) => this.#placeBehind(write, condition.after));
        if (earlier !== undefined) return earlier;
        throw new ConditionFailedError({ condition: condition.source, position: formatPosition(match) });
      }
    }
    return this.#store(writes, bases, recordedAt);
  }

  /**
   * Stores one event without tags behind version `base`, in a transaction of its own, unless another event stands there.
   * The caller knows that the stream has reached `base`; the unique index knows whether it has moved on.
   */
  appendOne(streamId: string, base: number, event: PreparedTextEvent, recordedAt: number): AppendResult | undefined {
    const position = this.#inserts.insertUnlessTaken(streamId, base, event, recordedAt);
    if (position === undefined) return undefined;
    return { position: formatPosition(position), versions: [base + 1], duplicate: false };
  }

  /** Whether the append stands in the store where `result` says. */
  isStored(append: EncodedAppend, result: AppendResult): boolean {
    return append.writes.every(({ streamId, events }, index) => {
      const version = result.versions[index] ?? 0;
      return this.#ids.get(streamId, version, version)?.[1] === events.at(-1)?.id;
    });
  }

  /** Whether the stream has moved on is what the unique index says at the first row; then nothing is written. */
  #storeUnseen(
    { writes, condition }: EncodedAppend,
    recordedAt: number,
    known: KnownVersions,
  ): AppendResult | undefined {
    const [write] = writes;
    if (write === undefined || writes.length > 1 || condition !== undefined) return undefined;
    const base = versionBefore(write.expected);
    if (base === undefined || (base > 0 && known.get(write.streamId) !== base)) return undefined;
    try {
      return this.#store(writes, [base], recordedAt);
    } catch (error) {
      if (error instanceof VersionTaken) return undefined;
      throw error;
    }
  }

  #store(writes: readonly EncodedWrite[], bases: readonly number[], recordedAt: number): AppendResult {
    const versions: number[] = [];
    let position = 0;
    for (const [index, { streamId, events }] of writes.entries()) {
      const base = bases[index] ?? 0;
      position = this.#inserts.insert(streamId, base, events, recordedAt);
      versions.push(base + events.length);
    }
    return { position: formatPosition(position), versions, duplicate: false };
  }

  #assertNotAhead({ source, after }: EncodedCondition): void {
    if (after > 0 && after > (this.#head.get() ?? 0)) {
      throw new InvalidPositionError(
        source.after,
        "lies ahead of the newest event; it belongs to another store or to a later backup",
      );
    }
  }

  #firstMatch({ queries, after }: EncodedCondition): number | undefined {
    for (const query of queries) {
      const { sql, params } = firstMatchSql(query, after);
      const position = this.#matchers.get(sql).get(...params);
      if (position !== undefined) return position;
    }
    return undefined;
  }

  /** The version before the write's first event, when that was stored behind `after`. */
  #placeBehind({ streamId, events }: EncodedWrite, after: number): number | undefined {
    const version = this.#versionOfId.get(streamId, events[0]?.id, after);
    return version === undefined ? undefined : version - 1;
  }

  /** The first result of this very append, when all its events stand at the places that `placeOf` names. */
  #earlierResult(
    writes: readonly EncodedWrite[],
    placeOf: (write: EncodedWrite) => number | undefined,
  ): AppendResult | undefined {
    const versions: number[] = [];
    let newest = 0;
    for (const write of writes) {
      const before = placeOf(write);
      if (before === undefined) return undefined;
      const { streamId, events } = write;
      const last = before + events.length;
      const stored = this.#ids.all(streamId, before + 1, last);
      if (stored.length !== events.length) return undefined;
      for (const [offset, [position, id]] of stored.entries()) {
        if (id !== events[offset]?.id) return undefined;
        newest = Math.max(newest, position);
      }
      versions.push(last);
    }
    return { position: formatPosition(newest), versions, duplicate: true };
  }
}
