import { randomInt, randomUUID } from "node:crypto";
import type { PostgresEventStore } from "@es/store-postgres";
import { Bank } from "./bank.ts";
import { Tally } from "./tally.ts";

/** How much is to happen. */
export interface Workload {
  readonly accounts: number;
  readonly workers: number;
  readonly seconds: number;
}

/** What happened, and how long the work took without the opening of the accounts. */
export interface Worked {
  readonly tally: Tally;
  readonly seconds: number;
}

const FIRST_DEPOSIT = 100_00;
const MOST = 60_00;

/** Opens the accounts that are not open yet, then lets all workers move money between them until the time is over. */
export async function runWorkload(
  store: PostgresEventStore,
  { accounts, workers, seconds }: Workload,
  onStart: (tally: Tally) => void = () => undefined,
): Promise<Worked> {
  const tally = new Tally();
  const end = new AbortController();
  const bank = new Bank(store, tally, end.signal);
  // A desk for each worker: its stream is no place where workers meet.
  const desks = Array.from({ length: workers }, () => randomUUID());
  const ids = Array.from({ length: accounts }, (_, index) => accountIdOf(index));
  await together(desks, async (desk, first) => {
    for (let index = first; index < accounts; index += workers)
      await bank.open(accountIdOf(index), FIRST_DEPOSIT, desk);
  });
  tally.conflicts = 0;

  onStart(tally);
  const start = performance.now();
  const timer = setTimeout(() => end.abort(), seconds * 1000);
  try {
    await together(desks, async (desk) => {
      while (!end.signal.aborted) await moveSomeMoney(bank, tally, ids, desk);
    });
  } finally {
    clearTimeout(timer);
    end.abort();
  }
  return { tally, seconds: (performance.now() - start) / 1000 };
}

function accountIdOf(index: number): string {
  return String(index + 1).padStart(4, "0");
}

/** Mostly transfers; one request in ten brings cash or takes it. */
async function moveSomeMoney(bank: Bank, tally: Tally, ids: readonly string[], desk: string): Promise<void> {
  const from = randomInt(ids.length);
  const to = (from + randomInt(1, ids.length)) % ids.length;
  const [fromId = "", toId = ""] = [ids[from], ids[to]];
  const amount = randomInt(1, MOST);
  const dice = randomInt(20);
  if (dice === 0) await bank.deposit(fromId, amount, desk);
  else if (dice === 1) await bank.withdraw(fromId, amount, desk);
  else {
    const outcome = await bank.transfer(fromId, toId, amount);
    if (outcome === "made") tally.transfers += 1;
    else if (outcome === "refused") tally.refused += 1;
    else tally.givenUp += 1;
  }
}

/** Runs one job for each item at the same time. When one fails, the error comes after all have ended. */
async function together<Item>(
  items: readonly Item[],
  job: (item: Item, index: number) => Promise<void>,
): Promise<void> {
  const results = await Promise.allSettled(items.map(job));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
