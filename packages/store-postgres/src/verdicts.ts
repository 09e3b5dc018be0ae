import { type AppendResult, ConcurrencyError } from "@es/core";
import { meetsExpectedVersion } from "@es/core/adapter";
import type { Judged } from "./append-executor.ts";
import type { AppendLine } from "./append-line.ts";
import { toStoreError } from "./driver-error.ts";
import type { KnownStreams, StaleAppend } from "./known-streams.ts";
import type { PendingAppend } from "./pending-append.ts";
import type { QueryRunner } from "./query-runner.ts";
import type { AppendLookup, Ask } from "./refusal.ts";

/** Parts of {@link Verdicts}. */
export interface VerdictParts {
  /** For looking at what is stored. */
  readonly reader: QueryRunner;
  readonly lookup: AppendLookup;
  readonly known: KnownStreams;
  /** Called when something was stored. */
  readonly onStored: () => void;
}

/** Tells appends what became of them: by what a statement says, by what is known without one, or by what a look at the events finds. */
export class Verdicts {
  readonly #parts: VerdictParts;
  readonly #line: AppendLine;
  readonly #onLookedUp: () => void;
  readonly #ask: Ask;
  /** Appends that are neither in line nor in a group: those of which it is looked up whether they are repetitions. */
  #lookups = 0;

  constructor(parts: VerdictParts, line: AppendLine, onLookedUp: () => void) {
    this.#parts = parts;
    this.#line = line;
    this.#onLookedUp = onLookedUp;
    this.#ask = (statement, values) => parts.reader.read(statement, values, { doing: "looking for a repeated append" });
  }

  /** Whether appends are looked up at the moment. */
  get isLookingUp(): boolean {
    return this.#lookups > 0;
  }

  /** Takes over what a statement has found of an append. */
  judge(entry: PendingAppend, verdict: Judged | undefined): void {
    if (verdict?.kind === "stored") {
      this.stored(entry, verdict.result);
      return;
    }
    const found = verdict?.found ?? [];
    for (const [index, { streamId }] of entry.append.writes.entries()) {
      this.#parts.known.hasReached(streamId, found[index] ?? 0);
    }
    this.#lookUp(entry, () => this.#parts.lookup.refusal(this.#ask, entry.append, { found, match: verdict?.match }));
  }

  /** The append is stored. */
  stored(entry: PendingAppend, result: AppendResult): void {
    this.#parts.known.stored(entry.append, result.versions);
    this.#parts.onStored();
    entry.resolve(result);
  }

  /** Keeps appends that are known to come too late out of the statements. */
  refuseStale(): void {
    if (this.#line.length === 0) return;
    const { known } = this.#parts;
    const stale = new Map<PendingAppend, StaleAppend>();
    const late = this.#line.takeWhere((entry) => {
      const found = known.staleness(entry.append, entry.arrivedAt);
      if (found !== undefined) stale.set(entry, found);
      return found !== undefined;
    });
    for (const entry of late) {
      const found = stale.get(entry);
      if (found === undefined) continue;
      const { write, actual, isCertain } = found;
      if (isCertain) entry.fail(new ConcurrencyError({ ...write, actual }));
      else this.#lookUp(entry, () => this.#judgeStale(entry));
    }
  }

  /** Settles an append that was refused with what is found out about it, beside the statements of others. */
  #lookUp(entry: PendingAppend, find: () => Promise<AppendResult | Error | undefined>): void {
    this.#lookups += 1;
    void find()
      .then(
        (outcome) => {
          if (outcome === undefined) this.#line.putBack([entry]);
          else if (outcome instanceof Error) entry.fail(outcome);
          else entry.resolve(outcome);
        },
        (error: unknown) => entry.fail(toStoreError(error, "looking for a repeated append")),
      )
      .finally(() => {
        this.#lookups -= 1;
        this.#onLookedUp();
      });
  }

  /** A stale append may be a repetition; and what is known of its stream is asked again, before it is refused for that. */
  async #judgeStale({ append }: PendingAppend): Promise<AppendResult | Error | undefined> {
    const { lookup, known } = this.#parts;
    const found: number[] = [];
    for (const { streamId } of append.writes) found.push(await lookup.versionOf(this.#ask, streamId));
    if (append.writes.every(({ expected }, index) => meetsExpectedVersion(expected, found[index] ?? 0))) {
      known.forget();
      return undefined;
    }
    return lookup.refusal(this.#ask, append, { found, match: undefined });
  }
}
