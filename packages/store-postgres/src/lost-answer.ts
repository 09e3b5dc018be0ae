import type { AppendResult } from "@es/core";
import { delay, type EncodedAppend } from "@es/core/adapter";
import type { PostgresClient } from "./postgres-driver.ts";
import type { QueryRunner, TextRow } from "./query-runner.ts";
import type { AppendLookup, Ask } from "./refusal.ts";
import { type Statement, statementOf } from "./statement.ts";
import { now } from "./time-limit.ts";

const POLL_MS = 20;

/** A server process, told apart from a later one with the same number by its start. */
export interface Backend {
  readonly pid: string;
  /** `null` when the role may not see it. */
  readonly startedAt: string | null;
}

/** What is known of work whose answer was lost with its connection. */
export type LostWork =
  /** Nothing can have been committed. */
  | { readonly kind: "nothing" }
  /** A statement of its own, run by this server process. */
  | { readonly kind: "backend"; readonly backend: Backend }
  /** A transaction whose COMMIT was on its way; these are the results when it is committed. */
  | {
      readonly kind: "transaction";
      readonly transaction: string;
      readonly results: readonly (AppendResult | undefined)[];
    };

/** The connection was lost, and with it the answer. */
export class LostAnswer extends Error {
  readonly work: LostWork;

  constructor(work: LostWork, cause: unknown) {
    super("the connection to PostgreSQL was lost before the answer came", { cause });
    this.name = "LostAnswer";
    this.work = work;
  }
}

// A session that has changed its role may not see its own start; then it can only be waited for.
const IDENTIFY = statementOf(
  "SELECT pid::text, extract(epoch FROM backend_start)::text FROM pg_stat_activity WHERE pid = pg_backend_pid()",
);

/** The server processes behind connections, asked once each. */
export class BackendIds {
  readonly #known = new WeakMap<PostgresClient, Backend>();

  async of(client: PostgresClient, ask: (statement: Statement) => Promise<readonly TextRow[]>): Promise<Backend> {
    const known = this.#known.get(client);
    if (known !== undefined) return known;
    const [row] = await ask(IDENTIFY);
    const backend = { pid: row?.[0] ?? "0", startedAt: row?.[1] ?? null };
    this.#known.set(client, backend);
    return backend;
  }
}

// A role may end its own server processes. One that has lost its client would otherwise go on until it notices. One whose
// start is hidden may be the one, and then its end has to be awaited.
const END_BACKEND = statementOf(
  "SELECT CASE WHEN extract(epoch FROM backend_start) = $2::numeric THEN pg_terminate_backend(pid) END FROM pg_stat_activity WHERE pid = $1::int AND coalesce(extract(epoch FROM backend_start) = $2::numeric, true)",
);
const STATUS = statementOf("SELECT pg_xact_status($1::xid8)");
const END_TRANSACTION = statementOf(
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_xid = ($1::xid8)::xid AND extract(epoch FROM xact_start) = $2::numeric",
);

/**
 * Finds out what became of appends whose answer was lost. First whoever may still be working on them is made to end, because
 * what is not stored now could otherwise be stored in a moment; then the events are looked for.
 *
 * @param floors - versions that the streams of each append had reached before it was sent
 * @throws the driver's error when the server cannot be asked until the deadline
 */
export async function settleLost(
  { runner, lookup }: { readonly runner: QueryRunner; readonly lookup: AppendLookup },
  work: LostWork,
  appends: readonly { readonly append: EncodedAppend; readonly floors: readonly number[] }[],
): Promise<readonly (AppendResult | undefined)[]> {
  if (work.kind === "nothing") return appends.map(() => undefined);
  const ask: Ask = (statement, values) => runner.read(statement, values, { doing: "looking for a lost append" });
  if (work.kind === "transaction") {
    if (!(await isCommitted(ask, work.transaction, runner.timeoutMs))) return appends.map(() => undefined);
    // After a crash the server may have given the number of a transaction that it has lost to another one.
    const standing: (AppendResult | undefined)[] = [];
    for (const [index, { append }] of appends.entries()) {
      const result = work.results[index];
      standing.push(result !== undefined && (await lookup.stands(ask, append, result)) ? result : undefined);
    }
    return standing;
  }
  await endBackend(ask, work.backend, runner.timeoutMs);
  const results: (AppendResult | undefined)[] = [];
  for (const { append, floors } of appends) results.push(await lookup.settled(ask, append, floors));
  return results;
}

/** Makes a server process end that has lost its client, and returns when it is gone. */
export async function endBackend(ask: Ask, { pid, startedAt }: Backend, timeoutMs: number): Promise<void> {
  await until(timeoutMs, async () => (await ask(END_BACKEND, [pid, startedAt])).length === 0);
}

/**
 * Whether a transaction with this id was committed; asked until it has ended. After a crash that can be another one: `false` is
 * certain, `true` needs the look at something that the transaction wrote.
 */
export async function isCommitted(ask: Ask, transaction: string, timeoutMs: number): Promise<boolean> {
  const [id = "", startedAt = "0"] = transaction.split(" ");
  let status: string | null | undefined;
  let asked = 0;
  await until(timeoutMs, async () => {
    [status] = (await ask(STATUS, [id]))[0] ?? [];
    asked += 1;
    if (status === "in progress" && asked > 1) await ask(END_TRANSACTION, [id, startedAt]);
    return status !== "in progress";
  });
  if (status === "committed") return true;
  if (status === "aborted") return false;
  throw new Error(`PostgreSQL does not know the transaction ${id} any more`);
}

async function until(timeoutMs: number, isDone: () => Promise<boolean>): Promise<void> {
  const deadline = now() + timeoutMs;
  while (!(await isDone())) {
    if (now() > deadline) throw new Error("the server process that had the write did not end in time");
    await delay(POLL_MS);
  }
}
