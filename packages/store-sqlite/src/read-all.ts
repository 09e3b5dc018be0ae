import { type EventQuery, InvalidPositionError, type Page, type Position, type ReadAllOptions } from "@es/core";
import { formatPosition, type LogRead, parsePosition, prepareLogRead } from "@es/core/adapter";
import { matchSql } from "./filter-sql.ts";
import type { LiveWait } from "./live-wait.ts";
import type { ReadConnection } from "./read-connection.ts";
import { EVENT_COLUMNS, type EventRow, toRecordedEvent } from "./rows.ts";
import { prepareRows, type SqliteStatement } from "./sqlite-database.ts";
import { StatementCache } from "./statement-cache.ts";

/** Positions that the first look of a filtered read scans; later ones more or fewer, by the time it took. */
const FIRST_WINDOW = 2_000;
const MAX_WINDOW = 1_000_000;
/** What one look may cost before other work of the process gets its turn. */
const FAST_MS = 2;
const SLOW_MS = 8;
/** A page ends after so many positions even when nothing matched, so that a checkpoint can move on. */
const MAX_SCANNED_PER_PAGE = 100_000;

/** A page with sequences instead of positions. */
interface RawPage {
  readonly rows: readonly EventRow[];
  readonly next: number;
  readonly isCaughtUp: boolean;
}

/** Reads the log through one connection. */
export class LogReader {
  readonly #connection: ReadConnection;
  readonly #wait: LiveWait;
  readonly #all: SqliteStatement<EventRow>;
  readonly #filtered: StatementCache<EventRow>;

  constructor(connection: ReadConnection, wait: LiveWait) {
    const { database } = connection;
    this.#connection = connection;
    this.#wait = wait;
    this.#all = prepareRows(
      database,
      `SELECT ${EVENT_COLUMNS} FROM es_events AS e WHERE e.position > ? AND e.position <= ? ORDER BY e.position LIMIT ?`,
    );
    this.#filtered = new StatementCache((sql) => prepareRows(database, sql));
  }

  /** The pages of the log, and with `live` the ones still to come. */
  async *read(options?: ReadAllOptions): AsyncGenerator<Page, void, undefined> {
    const read = prepareLogRead(options);
    let next = parsePosition(read.after);
    if (next > 0) await this.#assertNotAhead(read.after, next, read.signal);
    const nextPage = read.queries === undefined ? this.#unfiltered() : this.#matching(read);
    let remaining = read.limit;
    let hasYielded = false;

    while (remaining > 0) {
      const { epoch } = this.#wait;
      const before = next;
      const page = await nextPage(before, Math.min(read.pageSize, remaining), read.signal);
      next = page.next;
      remaining -= page.rows.length;
      // A wake-up may have been for something else than an event.
      if (next > before || !hasYielded) {
        hasYielded = true;
        yield { events: page.rows.map(toRecordedEvent), next: formatPosition(next), isCaughtUp: page.isCaughtUp };
      }
      if (remaining === 0 || (page.isCaughtUp && !read.isLive)) return;
      if (page.isCaughtUp) await this.#wait.wait(epoch, read.signal);
      else await this.#connection.turn();
    }
  }

  #unfiltered() {
    return async (after: number, size: number, signal: AbortSignal | undefined): Promise<RawPage> => {
      // One row more tells whether there is more, in the same snapshot.
      const found = await this.#connection.run(
        () => this.#all.all(after, this.#connection.lastSequence, size + 1),
        signal,
      );
      const rows = found.length > size ? found.slice(0, size) : found;
      return { rows, next: rows.at(-1)?.[0] ?? after, isCaughtUp: found.length <= size };
    };
  }

  /** Scans in windows of positions, so that a filter that matches little keeps neither the process nor a snapshot for long. */
  #matching({ queries = [] }: LogRead) {
    let window = FIRST_WINDOW;
    return async (after: number, size: number, signal: AbortSignal | undefined): Promise<RawPage> => {
      const rows: EventRow[] = [];
      for (let next = after; ; await this.#connection.turn()) {
        const wanted = size - rows.length;
        const upTo = next + window;
        const startedAt = performance.now();
        const found = await this.#connection.run(() => this.#look(queries, next, upTo, wanted), signal);
        const took = performance.now() - startedAt;
        if (took < FAST_MS) window = Math.min(window * 2, MAX_WINDOW);
        else if (took > SLOW_MS) window = Math.max(Math.trunc(window / 2), FIRST_WINDOW);

        rows.push(...found.rows);
        const isFull = rows.length >= size;
        next = isFull ? (rows.at(-1)?.[0] ?? upTo) : Math.max(next, Math.min(upTo, found.head));
        const isCaughtUp = next >= found.head;
        if (isFull || isCaughtUp || next - after >= MAX_SCANNED_PER_PAGE) return { rows, next, isCaughtUp };
      }
    };
  }

  #look(
    queries: readonly EventQuery[],
    after: number,
    upTo: number,
    limit: number,
  ): { readonly head: number; readonly rows: readonly EventRow[] } {
    return this.#connection.snapshot(() => {
      const head = this.#connection.head();
      const last = Math.min(upTo, head);
      const { sql, params } = matchSql(queries, after, last);
      const statement = `SELECT ${EVENT_COLUMNS} FROM es_events AS e WHERE e.position > ? AND e.position <= ? AND (${sql}) ORDER BY e.position LIMIT ?`;
      return { head, rows: this.#filtered.get(statement).all(after, last, ...params, limit) };
    });
  }

  async #assertNotAhead(position: Position, sequence: number, signal: AbortSignal | undefined): Promise<void> {
    const head = await this.#connection.run(() => this.#connection.head(), signal);
    if (sequence <= head) return;
    throw new InvalidPositionError(
      position,
      `lies ahead of the newest event (${head === 0 ? "there is none" : formatPosition(head)}); it belongs to another store, or this one was restored from a backup`,
    );
  }
}
