import { nextTick } from "node:process";
import {
  type AppendResult,
  ConcurrencyError,
  EventSourcingError,
  StoreClosedError,
  StoreUnavailableError,
  UnknownOutcomeError,
} from "@es/core";
import { delay, type EncodedAppend, meetsExpectedVersion, throwIfAborted, versionBefore } from "@es/core/adapter";
import type { AppendExecutor, Judged } from "./append-executor.ts";
import { AppendLine } from "./append-line.ts";
import { claimsOf } from "./claims.ts";
import { isCollision, toStoreError } from "./driver-error.ts";
import type { KnownStreams, StaleAppend } from "./known-streams.ts";
import { LostAnswer, settleLost } from "./lost-answer.ts";
import { PendingAppend } from "./pending-append.ts";
import type { QueryRunner } from "./query-runner.ts";
import type { AppendLookup, Ask } from "./refusal.ts";
import { now, withinLimit } from "./time-limit.ts";

/** Pause after a failure that may pass, such as a full disk. */
const RETRY_MS = 50;

/** Parts of {@link GroupWriter}. */
export interface GroupWriterParts {
  readonly executor: AppendExecutor;
  /** For appends that are sent alone; it waits for locks. */
  readonly patient: AppendExecutor;
  /** For looking at what is stored. */
  readonly reader: QueryRunner;
  readonly lookup: AppendLookup;
  readonly known: KnownStreams;
  readonly hasTags: boolean;
  readonly maxPending: number;
  readonly maxGroups: number;
  readonly maxPatient: number;
  readonly timeoutMs: number;
  /** Called when something was stored. */
  readonly onStored: () => void;
}

/**
 * Group commit. One or two statements are under way at a time; what arrives meanwhile goes out together in the next one, so
 * that a sync of the disk and a round trip are shared. Each append has its own verdict. When a statement fails, because another
 * process was faster or has a transaction open, or because the server refuses something of it, each of its appends is sent
 * alone on another connection, so that only the guilty one waits or fails.
 */
export class GroupWriter {
  readonly #parts: GroupWriterParts;
  readonly #line = new AppendLine();
  readonly #ask: Ask;
  #groups = 0;
  #alone = 0;
  /** Appends that are neither in line nor in a group: those of which it is looked up whether they are repetitions. */
  #lookups = 0;
  #isSoon = false;
  #later: NodeJS.Immediate | undefined;
  #isClosing = false;
  #expiry: NodeJS.Timeout | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(parts: GroupWriterParts) {
    this.#parts = parts;
    this.#ask = (statement, values) => parts.reader.read(statement, values, { doing: "looking for a repeated append" });
  }

  /** Stores the append with the next statement. Throws at once when it cannot wait in line. */
  submit(append: EncodedAppend, signal: AbortSignal | undefined): Promise<AppendResult> {
    if (this.#isClosing) throw new StoreClosedError();
    throwIfAborted(signal);
    const { maxPending, timeoutMs, hasTags } = this.#parts;
    if (this.#line.length >= maxPending) {
      throw new StoreUnavailableError(
        `${this.#line.length} appends already wait for their turn; nothing was written, await some of them and try again`,
      );
    }
    const entry = new PendingAppend(append, claimsOf(append, hasTags), now() + timeoutMs);
    entry.heed(signal, () => this.#leave(entry));
    this.#line.push(entry);
    this.#watchExpiry();
    // Whatever else arrives in this turn of the event loop shares the statement.
    if (!this.#isSoon) this.#later ??= setImmediate(() => this.#dispatch());
    return entry.promise;
  }

  /** Lets what waits have its turn, refuses what comes, and gives up what has not ended in time. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (!this.#isIdle()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#whenIdle = resolve;
      const deadline = now() + this.#parts.timeoutMs;
      await withinLimit(promise, { deadline, late: () => new Error("late") }).catch(() => undefined);
    }
    for (const entry of this.#line.takeWhere(() => true)) entry.fail(new StoreClosedError());
    clearTimeout(this.#expiry);
  }

  #isIdle(): boolean {
    return this.#line.length === 0 && this.#groups === 0 && this.#alone === 0 && this.#lookups === 0;
  }

  #leave(entry: PendingAppend): boolean {
    const wasInLine = this.#line.remove(entry);
    if (this.#isIdle()) this.#whenIdle?.();
    return wasInLine;
  }

  /** Callers that are answered now make their next appends before this comes to it, so those share the next statement. */
  #schedule(): void {
    if (this.#isSoon) return;
    this.#isSoon = true;
    nextTick(() => this.#dispatch());
  }

  #dispatch(): void {
    clearImmediate(this.#later);
    this.#later = undefined;
    this.#isSoon = false;
    this.#refuseStale();
    while (this.#groups < this.#parts.maxGroups) {
      const group = this.#line.take();
      if (group.length === 0) break;
      this.#groups += 1;
      void this.#run(group, this.#parts.executor).finally(() => {
        this.#groups -= 1;
      });
    }
    while (this.#alone < this.#parts.maxPatient) {
      const entry = this.#line.takeAlone();
      if (entry === undefined) break;
      this.#alone += 1;
      void this.#run([entry], this.#parts.patient).finally(() => {
        this.#alone -= 1;
      });
    }
    if (this.#isIdle()) this.#whenIdle?.();
  }

  async #run(group: readonly PendingAppend[], executor: AppendExecutor): Promise<void> {
    let again: readonly PendingAppend[] = [];
    const floors = group.map(({ append }) => this.#floors(append));
    try {
      const verdicts = await executor.execute(
        {
          appends: group.map(({ append }) => append),
          claims: group.map(({ claims }) => claims),
          base: this.#baseOf(group),
        },
        Math.min(...group.map(({ deadline }) => deadline)),
      );
      for (const [index, entry] of group.entries()) this.#answer(entry, verdicts[index]);
    } catch (error) {
      again = await (error instanceof LostAnswer ? this.#settle(group, floors, error) : this.#onError(group, error));
    }
    this.#line.done(group);
    this.#line.putBack(again.filter((entry) => !entry.isAborted));
    for (const entry of again) if (entry.isAborted) entry.abort();
    this.#watchExpiry();
    this.#schedule();
  }

  #answer(entry: PendingAppend, verdict: Judged | undefined): void {
    if (verdict?.kind === "stored") {
      this.#stored(entry, verdict.result);
      return;
    }
    const found = verdict?.found ?? [];
    for (const [index, { streamId }] of entry.append.writes.entries()) {
      this.#parts.known.hasReached(streamId, found[index] ?? 0);
    }
    this.#lookUp(entry, () => this.#parts.lookup.refusal(this.#ask, entry.append, { found, match: verdict?.match }));
  }

  #stored(entry: PendingAppend, result: AppendResult): void {
    this.#parts.known.stored(entry.append, result.versions);
    this.#parts.onStored();
    entry.resolve(result);
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
        this.#schedule();
      });
  }

  /** Keeps appends that are known to come too late out of the statements. */
  #refuseStale(): void {
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

  #baseOf([entry, ...others]: readonly PendingAppend[]): number | undefined {
    const [write] = entry?.append.writes ?? [];
    if (write === undefined || others.length > 0) return undefined;
    const known = this.#parts.known.versionOf(write.streamId);
    return versionBefore(write.expected) ?? (write.expected === "stream-exists" && known === 0 ? undefined : known);
  }

  #floors({ writes }: EncodedAppend): readonly number[] {
    return writes.map(({ streamId }) => this.#parts.known.versionOf(streamId));
  }

  /** Nothing of the group is stored. Returns those that are to be sent again. */
  async #onError(group: readonly PendingAppend[], error: unknown): Promise<readonly PendingAppend[]> {
    const isFirstTry = group.some(({ isAlone }) => !isAlone);
    if (isFirstTry && !(error instanceof EventSourcingError)) {
      for (const entry of group) entry.isAlone = true;
      return group;
    }
    const failure = isCollision(error)
      ? new StoreUnavailableError("another process was faster each time, and nothing was written; try again", {
          cause: error,
        })
      : toStoreError(error, "appending");
    const isWorthIt = isCollision(error) || failure instanceof StoreUnavailableError;
    const again = group.filter(({ deadline }) => isWorthIt && now() < deadline && !this.#isClosing);
    for (const entry of group) if (!again.includes(entry)) entry.fail(failure);
    // Two processes that collide would otherwise collide again.
    if (again.length > 0) await delay(isCollision(error) ? Math.random() * 5 : RETRY_MS);
    return again;
  }

  /** It is not known whether the group is stored. Returns those that are not, and are to be sent again. */
  async #settle(
    group: readonly PendingAppend[],
    floors: readonly (readonly number[])[],
    lost: LostAnswer,
  ): Promise<readonly PendingAppend[]> {
    this.#parts.known.forget();
    const appends = group.map(({ append }, index) => ({ append, floors: floors[index] ?? [] }));
    let results: readonly (AppendResult | undefined)[];
    try {
      results = await settleLost({ runner: this.#parts.reader, lookup: this.#parts.lookup }, lost.work, appends);
    } catch (error) {
      const cause = new AggregateError([lost.cause, error], "the answer was lost, and asking for it failed");
      for (const entry of group) {
        const advice = entry.append.writes.every(({ expected }) => versionBefore(expected) !== undefined)
          ? "repeat the call with the same event ids"
          : "look for its event ids in the stream before you repeat it, because it names no place where they would be recognised";
        entry.fail(
          new UnknownOutcomeError(
            `the connection to PostgreSQL was lost while appending, and the server could not be asked what became of it; ${advice}`,
            { cause },
          ),
        );
      }
      return [];
    }
    const again: PendingAppend[] = [];
    for (const [index, entry] of group.entries()) {
      const result = results[index];
      if (result !== undefined) this.#stored(entry, result);
      else if (now() < entry.deadline && !this.#isClosing) again.push(entry);
      else entry.fail(toStoreError(lost.cause, "appending; nothing was written"));
    }
    return again;
  }

  #watchExpiry(): void {
    if (this.#expiry !== undefined || this.#line.length === 0) return;
    const expire = (): void => {
      this.#expiry = undefined;
      for (const entry of this.#line.takeWhere(({ deadline }) => deadline <= now())) {
        entry.fail(
          new StoreUnavailableError(
            `the append waited ${this.#parts.timeoutMs} ms for its turn and was not sent, nothing was written; try again`,
          ),
        );
      }
      this.#watchExpiry();
    };
    this.#expiry = setTimeout(expire, Math.min(this.#parts.timeoutMs, 250));
  }
}
