import { InvalidPositionError, type Page, type ReadAllOptions } from "@es/core";
import { formatPosition, type LogRead, parsePosition, prepareLogRead } from "@es/core/adapter";
import { matchSql } from "./filter-sql.ts";
import type { Head } from "./head.ts";
import type { LiveWait } from "./live-wait.ts";
import type { StoreNames } from "./names.ts";
import type { TextRow } from "./query-runner.ts";
import { EVENT_COLUMNS, toRecordedEvent } from "./rows.ts";
import { type Statement, statementOf } from "./statement.ts";
import type { StoreReader } from "./store-reader.ts";

/** Positions that one filtered statement looks through, so that a page comes and a checkpoint moves even when nothing matches. */
const WINDOW = 100_000;

/** Gives the rows in (`after`, `upTo`], at most `size`. */
type Fetch = (after: number, upTo: number, size: number) => Promise<readonly TextRow[]>;

/** A stretch of the log, with numbers instead of positions. */
interface Stretch {
  readonly rows: readonly TextRow[];
  readonly next: number;
}

/** Reads the log. */
export class LogReader {
  readonly #reader: StoreReader;
  readonly #head: Head;
  readonly #wait: LiveWait;
  readonly #events: string;

  constructor(
    reader: StoreReader,
    { events }: StoreNames,
    { head, wait }: { readonly head: Head; readonly wait: LiveWait },
  ) {
    this.#reader = reader;
    this.#head = head;
    this.#wait = wait;
    this.#events = events;
  }

  /** The pages of the log, and with `live` the ones still to come. */
  async *read(options?: ReadAllOptions): AsyncGenerator<Page, void, undefined> {
    const read = prepareLogRead(options);
    const { signal, pageSize, isLive } = read;
    const fetch = this.#fetcher(read);
    const isFiltered = read.queries !== undefined;
    let next = parsePosition(read.after);
    let remaining = read.limit;
    this.#reader.assertUsable(signal);
    let { epoch } = this.#wait;
    let head = await this.#headFrom(next, signal);
    let isFresh = true;
    let hasYielded = false;
    let ready: Promise<Stretch> | undefined;

    while (remaining > 0) {
      const before = next;
      const stretch = await this.#reader.guard(
        () => ready ?? this.#stretch(fetch, before, head, { size: Math.min(pageSize, remaining), isFiltered }),
        signal,
      );
      ready = undefined;
      ({ next } = stretch);
      remaining -= stretch.rows.length;
      if (next === head && !isFresh) {
        ({ epoch } = this.#wait);
        head = await this.#headFrom(next, signal);
        isFresh = true;
      }
      const isCaughtUp = next === head;
      if (!isCaughtUp) {
        isFresh = false;
        if (remaining > 0) {
          const size = Math.min(pageSize, remaining);
          ready = this.#stretch(fetch, next, head, { size, isFiltered });
          ready.catch(() => undefined);
        }
      }
      // A wake-up may have been for something else than an event.
      if (next > before || !hasYielded) {
        hasYielded = true;
        yield { events: stretch.rows.map(toRecordedEvent), next: formatPosition(next), isCaughtUp };
        this.#reader.assertUsable(signal);
      }
      if (remaining === 0 || (isCaughtUp && !isLive)) return;
      if (isCaughtUp) {
        await this.#wait.wait(epoch, head, signal);
        this.#reader.assertUsable(signal);
        ({ epoch } = this.#wait);
        head = await this.#headFrom(next, signal);
        isFresh = true;
      }
    }
  }

  /** How far can be read, for a reader who has arrived at `next`. */
  async #headFrom(next: number, signal: AbortSignal | undefined): Promise<number> {
    return this.#reader.guard(async () => {
      const head = await this.#head.ask();
      if (next <= head) return head;
      // The answer can fall behind what was readable for a moment, also behind what another process has read.
      const newest = await this.#head.newest();
      if (next <= newest) return next;
      throw new InvalidPositionError(
        formatPosition(next),
        `lies ahead of the newest event (${newest === 0 ? "there is none" : formatPosition(newest)}); it belongs to another store, or this one was restored from a backup`,
      );
    }, signal);
  }

  /** The next rows, and how far they reach: to the last of them when there may be more, otherwise to the end of what was searched. */
  async #stretch(
    fetch: Fetch,
    after: number,
    head: number,
    { size, isFiltered }: { readonly size: number; readonly isFiltered: boolean },
  ): Promise<Stretch> {
    if (after >= head) return { rows: [], next: after };
    const upTo = isFiltered ? Math.min(head, after + WINDOW) : head;
    const rows = await fetch(after, upTo, size);
    return { rows, next: rows.length < size ? upTo : Number(rows.at(-1)?.[0]) };
  }

  #fetcher({ queries, signal }: LogRead): Fetch {
    const { sql, params } = queries === undefined ? { sql: "TRUE", params: [] } : matchSql(queries, 3);
    const statement: Statement = statementOf(
      `SELECT ${EVENT_COLUMNS} FROM ${this.#events} e WHERE e.position > $1 AND e.position <= $2 AND (${sql}) ORDER BY e.position LIMIT $3`,
    );
    return (after, upTo, size) =>
      this.#reader.rows(statement, [after, upTo, size, ...params], { doing: "reading the log", signal });
  }
}
