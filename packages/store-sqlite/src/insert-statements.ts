import type { PreparedTextEvent } from "@es/core/adapter";
import { sqliteCodeOf } from "./driver-error.ts";
import { prepareCommand, type SqliteDatabase, type SqliteStatement } from "./sqlite-database.ts";

const ROW = "(?, ?, ?, ?, ?, ?, ?, ?)";
const COLUMNS = `(stream, version, id, type, at, tags, metadata, data) VALUES ${ROW}`;
/** Rows that one statement inserts where there are so many: a fifth faster than one by one. */
const SIZES = [16, 4, 1] as const;

/** The first of some events met another event in its place. None of them is written. */
export class VersionTaken extends Error {
  constructor(cause: unknown) {
    super("an event stands where the first of these should, though its stream was seen to end before it", { cause });
  }
}

/** The statements that put events into the log, without a look at what is there. */
export class InsertStatements {
  readonly #inserts: readonly { readonly size: number; readonly statement: SqliteStatement }[];
  readonly #insertUnlessTaken: SqliteStatement;
  readonly #insertTag: SqliteStatement;

  constructor(database: SqliteDatabase) {
    this.#inserts = SIZES.map((size) => ({
      size,
      statement: prepareCommand(database, `INSERT INTO es_events ${COLUMNS}${`, ${ROW}`.repeat(size - 1)}`),
    }));
    this.#insertUnlessTaken = prepareCommand(database, `INSERT OR IGNORE INTO es_events ${COLUMNS}`);
    this.#insertTag = prepareCommand(database, "INSERT INTO es_tags (tag, position) VALUES (?, ?)");
  }

  /**
   * Inserts events behind version `base` and returns the sequence of the last. Streams have no gaps, so only the place of the
   * first can be taken.
   *
   * @throws VersionTaken
   */
  insert(streamId: string, base: number, events: readonly PreparedTextEvent[], recordedAt: number): number {
    let last = 0;
    for (let done = 0; done < events.length; ) {
      for (const { size, statement } of this.#inserts) {
        if (events.length - done < size) continue;
        try {
          last = this.#insertRows(statement, streamId, base, events, done, size, recordedAt);
        } catch (error) {
          throw done === 0 && sqliteCodeOf(error) === "SQLITE_CONSTRAINT_UNIQUE" ? new VersionTaken(error) : error;
        }
        done += size;
        break;
      }
    }
    return last;
  }

  /** Inserts one event without tags, in a transaction of its own; returns its sequence, or `undefined` when its place is taken. */
  insertUnlessTaken(
    streamId: string,
    base: number,
    { id, type, metadata, data }: PreparedTextEvent,
    recordedAt: number,
  ): number | undefined {
    const { changes, lastInsertRowid } = this.#insertUnlessTaken.run(
      streamId,
      base + 1,
      id,
      type,
      recordedAt,
      null,
      metadata,
      data,
    );
    return changes === 1 ? Number(lastInsertRowid) : undefined;
  }

  /** Inserts `size` events from the one at `from` on. */
  #insertRows(
    statement: SqliteStatement,
    streamId: string,
    base: number,
    events: readonly PreparedTextEvent[],
    from: number,
    size: number,
    recordedAt: number,
  ): number {
    const rows = size === events.length ? events : events.slice(from, from + size);
    const values: unknown[] = [];
    let version = base + from;
    let hasTags = false;
    for (const { id, type, data, metadata, tags } of rows) {
      version += 1;
      hasTags ||= tags.length > 0;
      const tagsText = tags.length === 0 ? null : JSON.stringify(tags);
      values.push(streamId, version, id, type, recordedAt, tagsText, metadata, data);
    }
    const { changes, lastInsertRowid } = statement.run(values);
    // Only a trigger can swallow a row without an error, and then the append must not be called stored.
    if (changes !== size) throw new Error("a trigger on es_events left out an event");
    const last = Number(lastInsertRowid);
    if (hasTags) this.#insertTags(rows, last - size);
    return last;
  }

  #insertTags(rows: readonly PreparedTextEvent[], before: number): void {
    for (const [offset, { tags }] of rows.entries()) {
      for (const tag of tags) this.#insertTag.run(tag, before + offset + 1);
    }
  }
}
