import { ClaimTable } from "./claims.ts";
import { BYTES_PER_GROUP, EVENTS_PER_GROUP } from "./limits.ts";
import type { PendingAppend } from "./pending-append.ts";

/** Entries that one look into the line goes through, so that a long line of one hot stream does not cost more each time. */
const MAX_LOOK = 4_000;

/** The line in front of the writer: first come, first served, in groups that do not claim the same. */
export class AppendLine {
  #entries: PendingAppend[] = [];
  readonly #busy = new ClaimTable();

  get length(): number {
    return this.#entries.length;
  }

  push(entry: PendingAppend): void {
    this.#entries.push(entry);
  }

  /** Puts entries back to the front, in their order. */
  putBack(entries: readonly PendingAppend[]): void {
    this.#entries.unshift(...entries);
  }

  /** Whether the entry was still in line. It is no more. */
  remove(entry: PendingAppend): boolean {
    const index = this.#entries.indexOf(entry);
    if (index === -1) return false;
    this.#entries.splice(index, 1);
    return true;
  }

  /** Takes the entries for which `isOut` holds. */
  takeWhere(isOut: (entry: PendingAppend) => boolean): readonly PendingAppend[] {
    const out = this.#entries.filter((entry) => isOut(entry));
    if (out.length > 0) this.#entries = this.#entries.filter((entry) => !out.includes(entry));
    return out;
  }

  /**
   * Takes what can share the next statement, and marks its claims as taken until `done`. What has to wait for a claim holds
   * back those behind it that claim the same, so that nobody is overtaken.
   */
  take(): readonly PendingAppend[] {
    const group: PendingAppend[] = [];
    const rest: PendingAppend[] = [];
    const waiting = new ClaimTable();
    let events = 0;
    let bytes = 0;
    let looked = 0;
    for (const entry of this.#entries) {
      looked += 1;
      const { append, claims, isAlone } = entry;
      const isTooMuch =
        group.length > 0 && (events + append.events > EVENTS_PER_GROUP || bytes + append.bytes > BYTES_PER_GROUP);
      if (isAlone || isTooMuch || this.#busy.conflicts(claims) || waiting.conflicts(claims)) {
        waiting.add(claims);
        rest.push(entry);
      } else {
        group.push(entry);
        this.#busy.add(claims);
        events += append.events;
        bytes += append.bytes;
      }
      if (looked === MAX_LOOK || events >= EVENTS_PER_GROUP) break;
    }
    this.#entries = [...rest, ...this.#entries.slice(looked)];
    return group;
  }

  /** Takes the first that must be alone and need not wait for a claim. */
  takeAlone(): PendingAppend | undefined {
    if (this.#entries.length === 0) return undefined;
    const waiting = new ClaimTable();
    for (const entry of this.#entries.slice(0, MAX_LOOK)) {
      const { claims } = entry;
      if (entry.isAlone && !this.#busy.conflicts(claims) && !waiting.conflicts(claims)) {
        this.#busy.add(claims);
        this.remove(entry);
        return entry;
      }
      waiting.add(claims);
    }
    return undefined;
  }

  /** The claims of a group that was taken are free again. */
  done(group: readonly PendingAppend[]): void {
    for (const { claims } of group) this.#busy.remove(claims);
  }
}
