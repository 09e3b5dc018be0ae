import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createRepository, isEventSourcingError, type PreparedSave, saveTogether, streamIdOf } from "@es/core";
import type { PostgresEventStore } from "@es/store-postgres";
import { Account, Refusal } from "./account.ts";
import { CashDesk } from "./cash-desk.ts";
import type { Tally } from "./tally.ts";

/** What became of a request. Only `"made"` has written anything. */
export type Outcome = "made" | "refused" | "given up";

const CACHE = { cache: { maxSize: 10_000 } };
const LONGEST_PAUSE_MS = 100;
const SAVES = 5;

/** Moves money. Each movement is two events in two streams, stored by one append: both or neither. */
export class Bank {
  readonly #store: PostgresEventStore;
  readonly #tally: Tally;
  readonly #end: AbortSignal;
  readonly #accounts;
  readonly #desks;

  /** @param end - when it aborts, requests that meet conflicts are given up */
  constructor(store: PostgresEventStore, tally: Tally, end: AbortSignal) {
    this.#store = store;
    this.#tally = tally;
    this.#end = end;
    this.#accounts = createRepository(store, Account, CACHE);
    this.#desks = createRepository(store, CashDesk, CACHE);
  }

  /** Opens an account with a first deposit, unless somebody has opened it. */
  async open(accountId: string, amount: number, deskId: string): Promise<void> {
    await this.#deposit(accountId, amount, deskId, true);
  }

  async deposit(accountId: string, amount: number, deskId: string): Promise<Outcome> {
    return await this.#deposit(accountId, amount, deskId, false);
  }

  async withdraw(accountId: string, amount: number, deskId: string): Promise<Outcome> {
    const [atAccount, atDesk] = newMovement(amount, streamIdOf("account", accountId), streamIdOf("desk", deskId));
    return await this.#move(atAccount.movement, async () => {
      const [account, desk] = await Promise.all([this.#accounts.load(accountId), this.#desks.loadOrCreate(deskId)]);
      account.execute({ type: "Withdraw", data: atAccount });
      desk.execute({ type: "PayOut", data: atDesk });
      return [this.#accounts.prepareSave(account), this.#desks.prepareSave(desk)];
    });
  }

  async transfer(fromId: string, toId: string, amount: number): Promise<Outcome> {
    const [atSender, atReceiver] = newMovement(amount, streamIdOf("account", fromId), streamIdOf("account", toId));
    return await this.#move(atSender.movement, async () => {
      const [sender, receiver] = await Promise.all([this.#accounts.load(fromId), this.#accounts.load(toId)]);
      sender.execute({ type: "Send", data: atSender });
      receiver.execute({ type: "Receive", data: atReceiver });
      return [this.#accounts.prepareSave(sender), this.#accounts.prepareSave(receiver)];
    });
  }

  async #deposit(accountId: string, amount: number, deskId: string, isOpening: boolean): Promise<Outcome> {
    const [atDesk, atAccount] = newMovement(amount, streamIdOf("desk", deskId), streamIdOf("account", accountId));
    return await this.#move(atDesk.movement, async () => {
      const [account, desk] = await Promise.all([
        this.#accounts.loadOrCreate(accountId),
        this.#desks.loadOrCreate(deskId),
      ]);
      if (isOpening && account.state.isOpen) throw new Refusal("the account is open already");
      if (isOpening) account.execute({ type: "Open", data: {} });
      account.execute({ type: "Deposit", data: atAccount });
      desk.execute({ type: "TakeIn", data: atDesk });
      return [this.#desks.prepareSave(desk), this.#accounts.prepareSave(account)];
    });
  }

  /** After a conflict, `decide` is called again: it must load everything anew. */
  async #move(movement: string, decide: () => Promise<readonly PreparedSave<unknown>[]>): Promise<Outcome> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#save(await decide());
        this.#tally.acknowledged.add(movement);
        return "made";
      } catch (error) {
        if (error instanceof Refusal) return "refused";
        if (!isEventSourcingError(error, "ES_CONCURRENCY")) throw error;
      }
      if (this.#end.aborted) return "given up";
      this.#tally.conflicts += 1;
      await sleep(Math.random() * Math.min(LONGEST_PAUSE_MS, 2 ** attempt));
    }
  }

  /** Repeats a save whose outcome is unknown: the ids of its events keep it from being stored twice. */
  async #save(saves: readonly PreparedSave<unknown>[]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await saveTogether(this.#store, saves);
        return;
      } catch (error) {
        if (!isEventSourcingError(error) || !error.retryable || attempt === SAVES) throw error;
      }
    }
  }
}

function newMovement(amount: number, fromStream: string, toStream: string) {
  const movement = randomUUID();
  return [
    { movement, amount, with: toStream },
    { movement, amount, with: fromStream },
  ] as const;
}
