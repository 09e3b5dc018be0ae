import { appendCases } from "./cases/append.ts";
import { concurrencyCases } from "./cases/concurrency.ts";
import { conditionCases } from "./cases/conditions.ts";
import { copiesCases } from "./cases/copies.ts";
import { declarationCases } from "./cases/declaration.ts";
import { enrolmentCases } from "./cases/enrolment.ts";
import { expectedVersionCases } from "./cases/expected-version.ts";
import { filterCases } from "./cases/filters.ts";
import { lifecycleCases } from "./cases/lifecycle.ts";
import { liveCases } from "./cases/live.ts";
import { multiStreamCases } from "./cases/multi-stream.ts";
import { namesCases } from "./cases/names.ts";
import { payloadCases } from "./cases/payloads.ts";
import { propertyCases } from "./cases/properties.ts";
import { readAllCases } from "./cases/read-all.ts";
import { readStreamCases } from "./cases/read-stream.ts";
import { registerCases } from "./cases/registers.ts";
import { reopenCases } from "./cases/reopen.ts";
import { retryCases } from "./cases/retry.ts";
import { transactionCases } from "./cases/transactions.ts";
import type { ConformanceCase } from "./conformance-case.ts";

/** Every rule of the contract, in the order in which they are best read. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...declarationCases,
  ...appendCases,
  ...expectedVersionCases,
  ...retryCases,
  ...multiStreamCases,
  ...namesCases,
  ...payloadCases,
  ...copiesCases,
  ...readStreamCases,
  ...readAllCases,
  ...filterCases,
  ...liveCases,
  ...concurrencyCases,
  ...conditionCases,
  ...enrolmentCases,
  ...registerCases,
  ...reopenCases,
  ...transactionCases,
  ...lifecycleCases,
  ...propertyCases,
];
