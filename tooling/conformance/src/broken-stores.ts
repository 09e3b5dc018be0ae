import { brokenAppends } from "./broken/append.ts";
import { brokenConditions } from "./broken/conditions.ts";
import { brokenCopies } from "./broken/copies.ts";
import { brokenDeclarations } from "./broken/declaration.ts";
import { brokenExpectations } from "./broken/expected-version.ts";
import { brokenInstances, brokenLifecycles } from "./broken/lifecycle.ts";
import { brokenLiveReads } from "./broken/live.ts";
import { brokenLogReads } from "./broken/log-reads.ts";
import { brokenNames, brokenPayloads } from "./broken/names-and-payloads.ts";
import { brokenRaces } from "./broken/races.ts";
import { brokenRegisters } from "./broken/registers.ts";
import { brokenRetries } from "./broken/retry.ts";
import { brokenStreamReads } from "./broken/stream-reads.ts";
import { brokenTransactionCalls } from "./broken/transaction-calls.ts";
import { brokenTransactionReads } from "./broken/transaction-reads.ts";
import { brokenTransactions } from "./broken/transactions.ts";
import type { BrokenStore } from "./broken-store.ts";

/** Every store with a deliberate fault. */
export const brokenStores: readonly BrokenStore[] = [
  ...brokenDeclarations,
  ...brokenAppends,
  ...brokenExpectations,
  ...brokenRetries,
  ...brokenNames,
  ...brokenPayloads,
  ...brokenCopies,
  ...brokenStreamReads,
  ...brokenLogReads,
  ...brokenLiveReads,
  ...brokenRaces,
  ...brokenConditions,
  ...brokenRegisters,
  ...brokenLifecycles,
  ...brokenInstances,
  ...brokenTransactions,
  ...brokenTransactionCalls,
  ...brokenTransactionReads,
];
