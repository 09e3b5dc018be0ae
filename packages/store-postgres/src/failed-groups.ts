import { type AppendResult, EventSourcingError, StoreUnavailableError, UnknownOutcomeError } from "@es/core";
import { delay, versionBefore } from "@es/core/adapter";
import { isCollision, toStoreError } from "./driver-error.ts";
import { type LostAnswer, settleLost } from "./lost-answer.ts";
import type { PendingAppend } from "./pending-append.ts";
import { now } from "./time-limit.ts";
import type { VerdictParts, Verdicts } from "./verdicts.ts";

/** Pause after a failure that may pass, such as a full disk. */
const RETRY_MS = 50;

/** Decides what becomes of the appends of a group whose statement has failed. */
export class FailedGroups {
  readonly #parts: VerdictParts;
  readonly #verdicts: Verdicts;
  readonly #isClosing: () => boolean;

  constructor(parts: VerdictParts, verdicts: Verdicts, isClosing: () => boolean) {
    this.#parts = parts;
    this.#verdicts = verdicts;
    this.#isClosing = isClosing;
  }

  /** Nothing of the group is stored. Returns those that are to be sent again. */
  async afterError(group: readonly PendingAppend[], error: unknown): Promise<readonly PendingAppend[]> {
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
    const again = group.filter(({ deadline }) => isWorthIt && now() < deadline && !this.#isClosing());
    for (const entry of group) if (!again.includes(entry)) entry.fail(failure);
    // Two processes that collide would otherwise collide again.
    if (again.length > 0) await delay(isCollision(error) ? Math.random() * 5 : RETRY_MS);
    return again;
  }

  /** It is not known whether the group is stored. Returns those that are not, and are to be sent again. */
  async afterLostAnswer(
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
      if (result !== undefined) this.#verdicts.stored(entry, result);
      else if (now() < entry.deadline && !this.#isClosing()) again.push(entry);
      else entry.fail(toStoreError(lost.cause, "appending; nothing was written"));
    }
    return again;
  }
}
