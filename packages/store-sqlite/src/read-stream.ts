import type { ReadStreamOptions, RecordedEvent } from "@es/core";
import { prepareStreamRead } from "@es/core/adapter";
import type { KnownVersions } from "./known-versions.ts";
import type { ReadConnection } from "./read-connection.ts";
import { EVENT_COLUMNS, type EventRow, toRecordedEvent } from "./rows.ts";
import { prepareRows, prepareValue, type SqliteStatement } from "./sqlite-database.ts";

/** Reads streams through one connection. */
export class StreamReader {
  readonly #connection: ReadConnection;
  readonly #known: KnownVersions;
  readonly #forward: SqliteStatement<EventRow>;
  readonly #backward: SqliteStatement<EventRow>;
  readonly #version: SqliteStatement<number>;

  constructor(connection: ReadConnection, known: KnownVersions) {
    const { database } = connection;
    const select = `SELECT ${EVENT_COLUMNS} FROM es_events AS e WHERE e.stream = ? AND e.version BETWEEN ? AND ? AND e.position <= ?`;
    this.#connection = connection;
    this.#known = known;
    this.#forward = prepareRows(database, `${select} ORDER BY e.version LIMIT ?`);
    this.#backward = prepareRows(database, `${select} ORDER BY e.version DESC LIMIT ?`);
    this.#version = prepareValue(
      database,
      "SELECT version FROM es_events WHERE stream = ? ORDER BY version DESC LIMIT 1",
    );
  }

  /** The pages of one stream. Events appended after the read began are not part of it. */
  async *read(
    streamId: string,
    options?: ReadStreamOptions,
  ): AsyncGenerator<readonly RecordedEvent[], void, undefined> {
    const { isBackward, limit, pageSize, signal, ...bounds } = prepareStreamRead(streamId, options);
    const statement = isBackward ? this.#backward : this.#forward;
    let { from, to } = bounds;
    let remaining = limit;

    for (let isFirst = true; remaining > 0 && from <= to; isFirst = false) {
      const size = Math.min(pageSize, remaining);
      const rows = await this.#connection.run(() => {
        const found = statement.all(streamId, from, to, this.#connection.lastSequence, size);
        // Only a read of several pages needs to know where the stream ended when it began.
        if (isFirst && found.length === size) to = Math.min(to, this.#version.get(streamId) ?? 0);
        return found;
      }, signal);
      const last = rows.at(-1)?.[2];
      if (last === undefined) return;
      if (last > (this.#known.get(streamId) ?? 0)) this.#known.set(streamId, last);

      yield rows.map(toRecordedEvent);

      if (rows.length < size) return;
      remaining -= rows.length;
      if (isBackward) to = last - 1;
      else from = last + 1;
      if (remaining > 0 && from <= to) await this.#connection.turn();
    }
  }
}
