import { nextTick } from "node:process";
import { type AppendResult, StoreClosedError, StoreUnavailableError } from "@es/core";
import { type EncodedAppend, throwIfAborted, versionBefore } from "@es/core/adapter";
import type { AppendExecutor } from "./append-executor.ts";
import { AppendLine } from "./append-line.ts";
import { claimsOf } from "./claims.ts";
import { FailedGroups } from "./failed-groups.ts";
import { LostAnswer } from "./lost-answer.ts";
import { PendingAppend } from "./pending-append.ts";
import { now, withinLimit } from "./time-limit.ts";
import { type VerdictParts, Verdicts } from "./verdicts.ts";

/** Parts of {@link GroupWriter}. */
export interface GroupWriterParts extends VerdictParts {
  readonly executor: AppendExecutor;
  /** For appends that are sent alone; it waits for locks. */
  readonly patient: AppendExecutor;
  readonly hasTags: boolean;
  readonly maxPending: number;
  readonly maxGroups: number;
  readonly maxPatient: number;
  readonly timeoutMs: number;
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
  readonly #verdicts: Verdicts;
  readonly #failed: FailedGroups;
  #groups = 0;
  #alone = 0;
  #isSoon = false;
  #later: NodeJS.Immediate | undefined;
  #isClosing = false;
  #expiry: NodeJS.Timeout | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(parts: GroupWriterParts) {
    this.#parts = parts;
    this.#verdicts = new Verdicts(parts, this.#line, () => this.#schedule());
    this.#failed = new FailedGroups(parts, this.#verdicts, () => this.#isClosing);
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
    return this.#line.length === 0 && this.#groups === 0 && this.#alone === 0 && !this.#verdicts.isLookingUp;
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
    this.#verdicts.refuseStale();
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
      for (const [index, entry] of group.entries()) this.#verdicts.judge(entry, verdicts[index]);
    } catch (error) {
      again = await (error instanceof LostAnswer
        ? this.#failed.afterLostAnswer(group, floors, error)
        : this.#failed.afterError(group, error));
    }
    this.#line.done(group);
    this.#line.putBack(again.filter((entry) => !entry.isAborted));
    for (const entry of again) if (entry.isAborted) entry.abort();
    this.#watchExpiry();
    this.#schedule();
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
