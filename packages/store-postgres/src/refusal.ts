import {
  type AppendResult,
  ConcurrencyError,
  ConditionFailedError,
  ConfigurationError,
  type EventSourcingError,
} from "@es/core";
import {
  type EncodedAppend,
  type EncodedWrite,
  formatPosition,
  meetsExpectedVersion,
  versionBefore,
} from "@es/core/adapter";
import type { StoreNames } from "./names.ts";
import type { TextRow } from "./query-runner.ts";
import { type Statement, statementOf } from "./statement.ts";

/** Runs a statement that reads. */
export type Ask = (statement: Statement, values: readonly unknown[]) => Promise<readonly TextRow[]>;

/** Finds out about appends by looking at the stored events. */
export class AppendLookup {
  readonly #ids: Statement;
  readonly #versionOfId: Statement;
  readonly #version: Statement;

  constructor({ events }: StoreNames) {
    this.#ids = statementOf(
      `SELECT position, id FROM ${events} WHERE stream = $1 AND version BETWEEN $2 AND $3 ORDER BY version`,
    );
    this.#versionOfId = statementOf(
      `SELECT version FROM ${events} WHERE stream = $1 AND version > $2 AND position > $3 AND id = $4 ORDER BY version LIMIT 1`,
    );
    this.#version = statementOf(`SELECT version FROM ${events} WHERE stream = $1 ORDER BY version DESC LIMIT 1`);
  }

  /** The stream's current version. */
  async versionOf(ask: Ask, streamId: string): Promise<number> {
    const [row] = await ask(this.#version, [streamId]);
    return Number(row?.[0] ?? 0);
  }

  /**
   * The result of an append that was refused because the streams were at `found` or an event at `match` broke its condition:
   * its first result when it is a repetition, an error otherwise.
   */
  async refusal(
    ask: Ask,
    append: EncodedAppend,
    { found, match }: { readonly found: readonly number[]; readonly match: number | undefined },
  ): Promise<AppendResult | EventSourcingError> {
    const { writes, condition } = append;
    for (const [index, { streamId, expected }] of writes.entries()) {
      const actual = found[index] ?? 0;
      if (meetsExpectedVersion(expected, actual)) continue;
      const earlier = await this.#earlier(
        ask,
        writes,
        async (write) =>
          versionBefore(write.expected) ?? (condition && (await this.#placeBehind(ask, write, 0, condition.after))),
      );
      return earlier ?? new ConcurrencyError({ streamId, expected, actual });
    }
    if (condition !== undefined && match !== undefined) {
      const earlier = await this.#earlier(ask, writes, (write) => this.#placeBehind(ask, write, 0, condition.after));
      return earlier ?? new ConditionFailedError({ condition: condition.source, position: formatPosition(match) });
    }
    return new ConfigurationError(
      "a trigger or rule on the table of events left out an event; the append was not stored, remove the trigger",
    );
  }

  /**
   * The result of an append whose answer was lost, or `undefined` when it is not stored.
   * @param floors - versions that the streams had reached before it was sent
   * @throws Error when it cannot be told from an earlier append of the same events
   */
  async settled(ask: Ask, append: EncodedAppend, floors: readonly number[]): Promise<AppendResult | undefined> {
    const earlier = await this.#earlier(ask, append.writes, async (write, index) => {
      const place = versionBefore(write.expected);
      if (place !== undefined) return place;
      const floor = floors[index] ?? 0;
      // Somebody has emptied the table, or restored a backup, since the floor was seen.
      const isShorter = floor > 0 && (await this.versionOf(ask, write.streamId)) < floor;
      const after = append.condition?.after ?? 0;
      const found = await this.#placeBehind(ask, write, isShorter ? 0 : floor, after);
      if (found !== undefined || floor === 0 || isShorter) return found;
      // Earlier in the stream they may be an earlier append of the same events, or this one in a table that was emptied since.
      if ((await this.#placeBehind(ask, write, 0, after)) === undefined) return undefined;
      throw new Error("its event ids stand where the stream had been already before it was sent");
    });
    return earlier && { ...earlier, duplicate: false };
  }

  /** Whether the append stands where its result says. */
  async stands(ask: Ask, { writes }: EncodedAppend, { versions }: AppendResult): Promise<boolean> {
    const found = await this.#earlier(ask, writes, async ({ events }, index) => (versions[index] ?? 0) - events.length);
    return found !== undefined;
  }

  /** The version before the write's first event, when that was stored behind a version and a position. */
  async #placeBehind(ask: Ask, write: EncodedWrite, version: number, position: number): Promise<number | undefined> {
    const [row] = await ask(this.#versionOfId, [write.streamId, version, position, write.events[0]?.id]);
    return row === undefined ? undefined : Number(row[0]) - 1;
  }

  /** The first result of this very append, when all its events stand at the places that `placeOf` names. */
  async #earlier(
    ask: Ask,
    writes: readonly EncodedWrite[],
    placeOf: (write: EncodedWrite, index: number) => Promise<number | undefined>,
  ): Promise<AppendResult | undefined> {
    const versions: number[] = [];
    let newest = 0;
    for (const [index, write] of writes.entries()) {
      const before = await placeOf(write, index);
      if (before === undefined) return undefined;
      const { streamId, events } = write;
      const last = before + events.length;
      const stored = await ask(this.#ids, [streamId, before + 1, last]);
      if (stored.length !== events.length) return undefined;
      for (const [offset, [position, id]] of stored.entries()) {
        if (id !== events[offset]?.id) return undefined;
        newest = Math.max(newest, Number(position));
      }
      versions.push(last);
    }
    return { position: formatPosition(newest), versions, duplicate: true };
  }
}
