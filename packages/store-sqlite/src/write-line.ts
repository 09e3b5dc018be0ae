import { BYTES_PER_GROUP, EVENTS_PER_GROUP } from "./limits.ts";
import type { PendingTransaction, PendingWrite, Waiting } from "./write-task.ts";

type InLine = PendingWrite | PendingTransaction;

function isWrite(entry: InLine): entry is PendingWrite {
  return "run" in entry;
}

/** The line in front of the writer: first come, first served, writes in groups. */
export class WriteLine {
  #entries: InLine[] = [];

  get length(): number {
    return this.#entries.length;
  }

  /** When the oldest entry expires. */
  get nextDeadline(): number | undefined {
    return this.#entries[0]?.deadline;
  }

  push(entry: InLine): void {
    this.#entries.push(entry);
  }

  /** Puts writes back to the front, in their order. */
  putBack(writes: readonly PendingWrite[]): void {
    this.#entries.unshift(...writes);
  }

  /** Whether the entry was still in line. It is no more. */
  remove(entry: Waiting): boolean {
    const index = this.#entries.findIndex((other) => other === entry);
    if (index === -1) return false;
    this.#entries.splice(index, 1);
    return true;
  }

  /** The only write in line, when there is one and nothing else. */
  onlyWrite(): PendingWrite | undefined {
    const [first] = this.#entries;
    return this.#entries.length === 1 && first !== undefined && isWrite(first) ? first : undefined;
  }

  /** Takes what shares the next transaction: one caller's transaction, or a group of writes of bounded size. */
  take(): PendingTransaction | readonly PendingWrite[] {
    const group: PendingWrite[] = [];
    let events = 0;
    let bytes = 0;
    for (const entry of this.#entries) {
      if (!isWrite(entry)) {
        if (group.length > 0) break;
        this.#entries.shift();
        return entry;
      }
      if (
        group.length > 0 &&
        (entry.isAlone || events + entry.events > EVENTS_PER_GROUP || bytes + entry.bytes > BYTES_PER_GROUP)
      )
        break;
      group.push(entry);
      events += entry.events;
      bytes += entry.bytes;
      if (entry.isAlone) break;
    }
    this.#entries.splice(0, group.length);
    return group;
  }

  /** Takes all whose time is over at `now`. */
  takeExpired(now: number): readonly Waiting[] {
    const expired = this.#entries.filter(({ deadline }) => deadline <= now);
    if (expired.length > 0) this.#entries = this.#entries.filter(({ deadline }) => deadline > now);
    return expired;
  }

  /** Takes all. */
  takeAll(): readonly Waiting[] {
    const all = this.#entries;
    this.#entries = [];
    return all;
  }
}
