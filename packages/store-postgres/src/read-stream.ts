import type { ReadStreamOptions, RecordedEvent } from "@es/core";
import { prepareStreamRead } from "@es/core/adapter";
import type { KnownStreams } from "./known-streams.ts";
import type { StoreNames } from "./names.ts";
import type { StoreReader } from "./store-reader.ts";
import { EVENT_COLUMNS, firstNumber, toRecordedEvent } from "./rows.ts";
import type { TextRow } from "./query-runner.ts";
import { SharedQuestion } from "./shared-question.ts";
import { type Statement, statementOf } from "./statement.ts";

const DOING = "reading a stream";

/** Reads streams. */
export class StreamReader {
  readonly #reader: StoreReader;
  readonly #known: KnownStreams;
  readonly #forward: Statement;
  readonly #backward: Statement;
  readonly #version: Statement;
  /** Questions that are under way, by what they ask. */
  readonly #questions = new Map<string, SharedQuestion<readonly TextRow[]>>();

  constructor(reader: StoreReader, { events }: StoreNames, known: KnownStreams) {
    const select = `SELECT ${EVENT_COLUMNS} FROM ${events} e WHERE e.stream = $1 AND e.version BETWEEN $2 AND $3 ORDER BY e.version`;
    this.#reader = reader;
    this.#known = known;
    this.#forward = statementOf(`${select} LIMIT $4`);
    this.#backward = statementOf(`${select} DESC LIMIT $4`);
    this.#version = statementOf(`SELECT version FROM ${events} WHERE stream = $1 ORDER BY version DESC LIMIT 1`);
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
    const floor = this.#known.versionOf(streamId);

    this.#reader.assertUsable(signal);
    for (let isFirst = true; remaining > 0 && from <= to; isFirst = false) {
      const size = Math.min(pageSize, remaining);
      const rows = await this.#reader.guard(() => this.#page(statement, [streamId, from, to, size]), signal);
      const last = Number(rows.at(-1)?.[2] ?? 0);
      const newest = isBackward ? Number(rows[0]?.[2] ?? 0) : Math.max(last, from - 1);
      // What was known to be stored before the read began is not there: the server was replaced by an older copy.
      const isEnd = to === Number.MAX_SAFE_INTEGER && (isBackward || rows.length < size);
      if (isEnd && newest < floor) this.#known.forget();
      if (last === 0) return;
      // Only a read of several pages needs to know where the stream ended when it began.
      if (isFirst && rows.length === size && remaining > size && !isBackward) {
        const [row] = await this.#reader.rows(this.#version, [streamId], { doing: DOING, signal });
        to = Math.min(to, firstNumber(row));
      }
      this.#known.hasReached(streamId, isBackward ? Number(rows[0]?.[2]) : last);

      yield rows.map(toRecordedEvent);

      if (rows.length < size) return;
      remaining -= rows.length;
      if (isBackward) to = last - 1;
      else from = last + 1;
    }
  }

  /** Callers who ask for the same at the same time share the answer: all who lost the race for a hot stream load it anew. */
  async #page(statement: Statement, values: readonly [string, number, number, number]): Promise<readonly TextRow[]> {
    const key = `${statement.name} ${values.slice(1).join(" ")} ${values[0]}`;
    let question = this.#questions.get(key);
    if (question === undefined) {
      question = new SharedQuestion(() => this.#reader.rows(statement, values, { doing: DOING }));
      this.#questions.set(key, question);
    }
    try {
      return await question.ask();
    } finally {
      if (question.isIdle) this.#questions.delete(key);
    }
  }
}
