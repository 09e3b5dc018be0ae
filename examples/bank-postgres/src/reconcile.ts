import type { Half, Ledger } from "./ledger.ts";
import { HALVES } from "./movement.ts";
import { money } from "./report.ts";

/** Sums of the whole log, in cents, and everything that is wrong with it. */
export interface Reconciliation {
  readonly balances: number;
  readonly cash: number;
  readonly transfers: number;
  readonly problems: readonly string[];
}

/**
 * Compares what the accounts have with what the cash desks took in and paid out, and looks at every movement.
 * @param acknowledged - movements that the store said were stored
 */
export function reconcile(ledger: Ledger, acknowledged: Iterable<string> = []): Reconciliation {
  const problems = [...ledger.problems];
  const balances = sum(ledger.balances.values());
  const cash = sum(ledger.desks.values());
  if (balances !== cash) {
    const difference = `${money(Math.abs(balances - cash))} ${balances > cash ? "were made" : "were lost"}`;
    problems.push(
      `the accounts have ${money(balances)}, but ${money(cash)} were deposited and not withdrawn: ${difference}`,
    );
  }
  let transfers = 0;
  for (const [movement, halves] of ledger.movements) {
    const problem = problemOf(halves);
    if (problem !== undefined) problems.push(`movement ${movement}: ${problem}`);
    else if (halves.some(({ type }) => type === "TransferSent")) transfers += 1;
  }
  for (const movement of acknowledged) {
    if (!ledger.movements.has(movement)) problems.push(`movement ${movement}: acknowledged, but not in the log`);
  }
  return { balances, cash, transfers, problems };
}

function problemOf(halves: readonly Half[]): string | undefined {
  const [one, other, ...more] = halves;
  const shown = halves.map(({ type, streamId }) => `${type} in ${streamId}`).join(", ");
  if (one === undefined || other === undefined) return `has one half only: ${shown}`;
  if (more.length > 0) return `has ${halves.length} halves: ${shown}`;
  if (!HALVES.some((pair) => [one, other].every(({ type }) => pair.includes(type)) && one.type !== other.type)) {
    return `its halves do not belong together: ${shown}`;
  }
  if (one.amount !== other.amount)
    return `its halves differ, ${money(one.amount)} and ${money(other.amount)}: ${shown}`;
  if (one.with !== other.streamId || other.with !== one.streamId) return `its halves name other streams: ${shown}`;
  return undefined;
}

function sum(amounts: Iterable<number>): number {
  return [...amounts].reduce((total, amount) => total + amount, 0);
}
