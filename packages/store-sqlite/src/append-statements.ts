import { type AppendResult, ConcurrencyError, ConditionFailedError, InvalidPositionError } from "@es/core";
import { formatPosition, meetsExpectedVersion, versionBefore } from "@es/core/adapter";
import type { EncodedAppend, EncodedCondition, EncodedEvent, EncodedWrite } from "./encoded-append.ts";
import { firstMatchSql } from "./filter-sql.ts";
import {
  prepareCommand,
  prepareRows,
  prepareValue,
  type SqliteDatabase,
  type SqliteStatement,
} from "./sqlite-database.ts";
import { StatementCache } from "./statement-cache.ts";

const ROW = "(?, ?, ?, ?, ?, ?, ?, ?)";
const COLUMNS = `(stream, version, id, type, at, tags, metadata, data) VALUES ${ROW}`;
/** Rows that one statement inserts where there are so many: a fifth faster than one by one. */
const ROWS = 16;

/** The statements that store events through one connection. They run synchronously in the transaction that is open there. */
export class AppendStatements {
  readonly #version: SqliteStatement<number>;
  readonly #insert: SqliteStatement;
  readonly #insertMany: SqliteStatement;
  readonly #insertUnlessTaken: SqliteStatement;
  readonly #insertTag: SqliteStatement;
  readonly #ids: SqliteStatement<readonly [number, string]>;
  readonly #versionOfId: SqliteStatement<number>;
  readonly #head: SqliteStatement<number | null>;
  readonly #matchers: StatementCache<number>;

  constructor(database: SqliteDatabase) {
    this.#version = prepareValue(
      database,
      "SELECT version FROM es_events WHERE stream = ? ORDER BY version DESC LIMIT 1",
    );
    this.#insert = prepareCommand(database, `INSERT INTO es_events ${COLUMNS}`);
    this.#insertMany = prepareCommand(database, `INSERT INTO es_events ${COLUMNS}${`, ${ROW}`.repeat(ROWS - 1)}`);
    this.#insertUnlessTaken = prepareCommand(database, `INSERT OR IGNORE INTO es_events ${COLUMNS}`);
    this.#insertTag = prepareCommand(database, "INSERT INTO es_tags (tag, position) VALUES (?, ?)");
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
   * @throws ConcurrencyError, ConditionFailedError, InvalidPositionError
   */
  append(append: EncodedAppend, recordedAt: number): AppendResult {
    const { writes, condition } = append;
    if (condition !== undefined) this.#assertNotAhead(condition);
    const bases: number[] = [];
    for (const { streamId, expected } of writes) {
      const actual = this.versionOf(streamId);
      if (!meetsExpectedVersion(expected, actual)) {
        const earlier = this.#earlierResult(writes, (write) => versionBefore(write.expected));
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
  appendOne(streamId: string, base: number, event: EncodedEvent, recordedAt: number): AppendResult | undefined {
    const { changes, lastInsertRowid } = this.#insertUnlessTaken.run(
      streamId,
      base + 1,
      event.id,
      event.type,
      recordedAt,
      null,
      event.metadata,
      event.data,
    );
    if (changes !== 1) return undefined;
    return { position: formatPosition(Number(lastInsertRowid)), versions: [base + 1], duplicate: false };
  }

  /** Whether the append stands in the store where `result` says. */
  isStored(append: EncodedAppend, result: AppendResult): boolean {
    return append.writes.every(({ streamId, events }, index) => {
      const version = result.versions[index] ?? 0;
      return this.#ids.get(streamId, version, version)?.[1] === events.at(-1)?.id;
    });
  }

  #store(writes: readonly EncodedWrite[], bases: readonly number[], recordedAt: number): AppendResult {
    const versions: number[] = [];
    let position = 0;
    for (const [index, { streamId, events }] of writes.entries()) {
      const base = bases[index] ?? 0;
      for (let done = 0; done < events.length; ) {
        const isMany = events.length - done >= ROWS;
        const rows = isMany ? events.slice(done, done + ROWS) : events.slice(done, done + 1);
        position = this.#insertRows(isMany ? this.#insertMany : this.#insert, streamId, base + done, rows, recordedAt);
        done += rows.length;
      }
      versions.push(base + events.length);
    }
    return { position: formatPosition(position), versions, duplicate: false };
  }

  /** Inserts rows behind version `base` by a statement for so many rows; returns the sequence of the last. */
  #insertRows(
    statement: SqliteStatement,
    streamId: string,
    base: number,
    events: readonly EncodedEvent[],
    recordedAt: number,
  ): number {
    const values: unknown[] = [];
    for (const [offset, { id, type, data, metadata, tags }] of events.entries()) {
      const tagsText = tags.length === 0 ? null : JSON.stringify(tags);
      values.push(streamId, base + offset + 1, id, type, recordedAt, tagsText, metadata, data);
    }
    const { changes, lastInsertRowid } = statement.run(values);
    // Only a trigger can swallow a row without an error, and then the append must not be called stored.
    if (changes !== events.length) throw new Error("a trigger on es_events left out an event");
    const last = Number(lastInsertRowid);
    for (const [offset, { tags }] of events.entries()) {
      for (const tag of tags) this.#insertTag.run(tag, last - events.length + 1 + offset);
    }
    return last;
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
