import { UnknownOutcomeError } from "@es/core";
import { delay } from "@es/core/adapter";
import { isCollision, isConnectionLost, toStoreError } from "./driver-error.ts";
import { type Backend, BackendIds, endBackend, isCommitted } from "./lost-answer.ts";
import type { StoreNames } from "./names.ts";
import type { Borrowed, QueryRunner } from "./query-runner.ts";
import type { Ask } from "./refusal.ts";
import { type RegisterChange, type RegisterRow, RegisterStatements } from "./register-statements.ts";
import { now } from "./time-limit.ts";

const WRITING = "writing a register";
const RETRY_MS = 50;

/** What is known of a write whose answer was lost with its connection. */
type LostWrite =
  /** It cannot have been carried out. */
  | { readonly kind: "nothing" }
  /** A statement of its own, run by this server process. */
  | { readonly kind: "backend"; readonly backend: Backend }
  /** A transaction whose COMMIT was on its way, and the revision that it has then made. */
  | { readonly kind: "transaction"; readonly transaction: string; readonly revision: number };

class LostRegisterAnswer extends Error {
  readonly write: LostWrite;

  constructor(write: LostWrite, cause: unknown) {
    super("the connection to PostgreSQL was lost before the answer came", { cause });
    this.name = "LostRegisterAnswer";
    this.write = write;
  }
}

type Outcome = { readonly kind: "written"; readonly revision: number } | { readonly kind: "not written" };

/**
 * Writes registers, each until its outcome is known.
 *
 * A compare-and-set runs in a transaction whose id is known before its COMMIT is sent, because it is what leases and checkpoints
 * rely on: the row alone would not tell a lost write from one of a rival who wrote the same. Where nothing is compared one
 * statement does, and when its answer is lost, a register that holds the value is as good as written.
 *
 * A call that is aborted while its statement is under way waits for the outcome like any other. So nothing is written after a
 * call has ended, unless with `UnknownOutcomeError`.
 */
export class RegisterWriter {
  readonly #runner: QueryRunner;
  readonly #isLimited: boolean;
  readonly #statements: RegisterStatements;
  readonly #telling: RegisterStatements;
  readonly #backends = new BackendIds();
  readonly #ask: Ask;

  /** @param isLimited - whether the connections' own settings limit time; they then lead straight to the server, too */
  constructor(runner: QueryRunner, names: StoreNames, { isLimited }: { readonly isLimited: boolean }) {
    this.#runner = runner;
    this.#isLimited = isLimited;
    this.#statements = new RegisterStatements(names);
    this.#telling = new RegisterStatements(names, { tellsTransaction: true });
    this.#ask = (statement, values) =>
      runner.read(statement, values, { doing: "looking for a lost write of a register" });
  }

  /**
   * The new revision, or that of what was deleted; `undefined` when `expected` is not current.
   * @throws UnknownOutcomeError when that cannot be known
   */
  async write(change: RegisterChange, signal: AbortSignal | undefined): Promise<number | undefined> {
    const deadline = now() + this.#runner.timeoutMs;
    for (;;) {
      try {
        return await this.#once(change, { deadline, signal });
      } catch (error) {
        if (error instanceof LostRegisterAnswer) {
          const outcome = await this.#settle(change, error);
          if (outcome.kind === "written") return outcome.revision;
          if (now() + RETRY_MS >= deadline) throw toStoreError(error.cause, `${WRITING}; nothing was written`);
        } else if (!isCollision(error) || now() > deadline) {
          throw toStoreError(error, WRITING);
        }
      }
      // Nothing of it is written at this point, so that it may also be aborted.
      await delay(Math.random() * RETRY_MS, signal);
    }
  }

  async #once(
    change: RegisterChange,
    limits: { readonly deadline: number; readonly signal: AbortSignal | undefined },
  ): Promise<number | undefined> {
    const connection = await this.#runner.borrow(limits);
    const isAlone = this.#isLimited && change.expected === undefined;
    let isBroken = false;
    try {
      return await (isAlone ? this.#alone(connection, change) : this.#inTransaction(connection, change));
    } catch (error) {
      isBroken = error instanceof LostRegisterAnswer;
      throw error;
    } finally {
      connection.release(isBroken);
    }
  }

  async #alone(connection: Borrowed, change: RegisterChange): Promise<number | undefined> {
    const ask: Ask = (statement, values) => this.#runner.query(connection, statement, values);
    let write: LostWrite = { kind: "nothing" };
    try {
      const backend = await this.#backends.of(connection.client, (statement) => ask(statement, []));
      write = { kind: "backend", backend };
      return (await this.#statements.change(ask, change))?.revision;
    } catch (error) {
      throw isConnectionLost(error) ? new LostRegisterAnswer(write, error) : error;
    }
  }

  /** Until its COMMIT is sent, a transaction whose connection is lost cannot be committed any more. */
  async #inTransaction(connection: Borrowed, change: RegisterChange): Promise<number | undefined> {
    const command = (sql: string): Promise<void> => this.#runner.command(connection, sql);
    let write: LostWrite = { kind: "nothing" };
    try {
      const limit = this.#isLimited ? "" : `; SET LOCAL statement_timeout = ${this.#runner.timeoutMs}`;
      await command(`BEGIN ISOLATION LEVEL READ COMMITTED${limit}`);
      const changed = await this.#telling.change(
        (statement, values) => this.#runner.query(connection, statement, values),
        change,
      );
      if (changed?.transaction !== undefined) {
        write = { kind: "transaction", transaction: changed.transaction, revision: changed.revision };
      }
      await command("COMMIT");
      return changed?.revision;
    } catch (error) {
      if (isConnectionLost(error)) throw new LostRegisterAnswer(write, error);
      await command("ROLLBACK").catch((lost: unknown) => {
        throw new LostRegisterAnswer({ kind: "nothing" }, lost);
      });
      throw error;
    }
  }

  async #settle(change: RegisterChange, lost: LostRegisterAnswer): Promise<Outcome> {
    try {
      return await this.#find(change, lost.write);
    } catch (error) {
      throw new UnknownOutcomeError(
        `the connection to PostgreSQL was lost while writing register ${JSON.stringify(change.key)}, and it could not be found out whether it was written; read it, and decide again`,
        { cause: new AggregateError([lost.cause, error], "the answer was lost, and asking for it failed") },
      );
    }
  }

  async #find({ key, value }: RegisterChange, write: LostWrite): Promise<Outcome> {
    if (write.kind === "nothing") return { kind: "not written" };
    if (write.kind === "transaction") {
      if (!(await isCommitted(this.#ask, write.transaction, this.#runner.timeoutMs))) return { kind: "not written" };
      // After a crash the server may have given the number of a transaction that it has lost to another one.
      const row = await this.#statements.stored(this.#ask, key);
      if (row?.value !== value || row?.revision !== write.revision || !isFrom(row, write.transaction)) {
        throw new Error("the register was changed again since, so that it does not show this write");
      }
      return { kind: "written", revision: write.revision };
    }
    await endBackend(this.#ask, write.backend, this.#runner.timeoutMs);
    const row = await this.#statements.stored(this.#ask, key);
    if (row === undefined) return { kind: "not written" };
    if (value === undefined || row.value !== value)
      throw new Error("the register does not show whether it was written");
    return { kind: "written", revision: row.revision };
  }
}

function isFrom({ xmin }: RegisterRow, transaction: string): boolean {
  const [id = "0"] = transaction.split(" ");
  return BigInt.asUintN(32, BigInt(id)) === BigInt(xmin);
}
