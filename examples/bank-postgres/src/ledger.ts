import { setTimeout as sleep } from "node:timers/promises";
import { categoryOf, type EventStore, type RecordedEvent, START } from "@es/core";
import { Account, accountEvents } from "./account.ts";
import { CashDesk, deskEvents } from "./cash-desk.ts";

/** One event of a movement, as the log has it. */
export interface Half {
  readonly type: string;
  readonly streamId: string;
  readonly amount: number;
  readonly with: string;
}

const PATIENCE_MS = 3_000;

/** Everything that the log says about money. */
export class Ledger {
  /** Cents of each account, by stream. */
  readonly balances = new Map<string, number>();
  /** Cents taken in minus cents paid out, of each cash desk. */
  readonly desks = new Map<string, number>();
  readonly movements = new Map<string, readonly Half[]>();
  /** What a single event shows to be wrong. */
  readonly problems: string[] = [];
  events = 0;
  readonly #versions = new Map<string, number>();
  readonly #incomplete = new Set<string>();

  /** Whether a movement has not exactly two halves so far. */
  get hasIncomplete(): boolean {
    return this.#incomplete.size > 0;
  }

  take(event: RecordedEvent): void {
    this.events += 1;
    this.#checkVersion(event);
    const category = categoryOf(event.streamId);
    if (category === "account" && accountEvents.includes(event)) this.#takeAccountEvent(event);
    else if (category === "desk" && deskEvents.includes(event)) this.#takeDeskEvent(event);
    else this.problems.push(`${placeOf(event)}: nobody expects ${JSON.stringify(event.type)} here`);
  }

  #takeAccountEvent(recorded: RecordedEvent): void {
    const event = accountEvents.decode(recorded);
    const balance = this.balances.get(event.streamId) ?? 0;
    const after = Account.evolve({ isOpen: true, balance }, event).balance;
    this.balances.set(event.streamId, after);
    if (after < 0) this.problems.push(`${placeOf(event)}: the account is overdrawn by ${-after}`);
    if (event.type !== "Opened") this.#takeHalf(event.data.movement, { ...event, ...event.data });
  }

  #takeDeskEvent(recorded: RecordedEvent): void {
    const event = deskEvents.decode(recorded);
    const cash = this.desks.get(event.streamId) ?? 0;
    this.desks.set(event.streamId, CashDesk.evolve({ cash }, event).cash);
    this.#takeHalf(event.data.movement, { ...event, ...event.data });
  }

  #takeHalf(movement: string, { type, streamId, amount, with: other }: Half): void {
    const halves = [...(this.movements.get(movement) ?? []), { type, streamId, amount, with: other }];
    this.movements.set(movement, halves);
    if (halves.length === 2) this.#incomplete.delete(movement);
    else this.#incomplete.add(movement);
  }

  #checkVersion(event: RecordedEvent): void {
    const expected = (this.#versions.get(event.streamId) ?? 0) + 1;
    this.#versions.set(event.streamId, event.version);
    if (event.version !== expected) this.problems.push(`${placeOf(event)}: version ${expected} should come here`);
  }
}

/**
 * Folds the log. While another process appends, the head may stand between the two halves of a movement, because events of
 * others may stand between them; then this reads on until it has the second one.
 */
export async function readLedger(store: EventStore<unknown>): Promise<Ledger> {
  const ledger = new Ledger();
  const patienceEnds = performance.now() + PATIENCE_MS;
  let after = START;
  for (;;) {
    for await (const page of store.readAll({ after })) {
      for (const event of page.events) ledger.take(event);
      after = page.next;
    }
    if (!ledger.hasIncomplete || performance.now() > patienceEnds) return ledger;
    await sleep(20);
  }
}

function placeOf({ streamId, version }: { readonly streamId: string; readonly version: number }): string {
  return `${streamId} at version ${version}`;
}
