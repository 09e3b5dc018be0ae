import { type Registers, UnknownOutcomeError } from "@es/core";
import { assertRegisterKey, assertRegisterWrite, delay } from "@es/core/adapter";
import { isCollision, isConnectionLost, toStoreError } from "./driver-error.ts";
import type { TransactionJoiner } from "./joined-transaction.ts";
import type { PostgresClient } from "./postgres-driver.ts";
import type { QueryRunner } from "./query-runner.ts";
import type { Ask } from "./refusal.ts";
import type { RegisterChange, RegisterStatements } from "./register-statements.ts";
import type { StoreReader } from "./store-reader.ts";
import { now } from "./time-limit.ts";

const KEYS_PER_PAGE = 500;
const READING = "reading a register";
const WRITING = "writing a register";

/** What calls have in common. */
export interface PostgresCall {
  readonly tx?: PostgresClient;
  readonly signal?: AbortSignal;
}

/** What the registers need of their store. */
export interface RegisterParts {
  readonly reader: StoreReader;
  readonly runner: QueryRunner;
  readonly statements: RegisterStatements;
  /** Those for transactions of callers. */
  readonly joinedStatements: RegisterStatements;
  readonly joiner: TransactionJoiner;
  /** @throws StoreClosedError, AbortedError */
  assertUsable(call: PostgresCall | undefined): void;
}

/** Registers in a table beside the events. */
export function createPostgresRegisters(parts: RegisterParts): Registers<PostgresClient> {
  const { reader, runner, statements, joinedStatements, joiner } = parts;

  const change = async (what: RegisterChange, call: PostgresCall | undefined): Promise<number | undefined> => {
    assertRegisterWrite(what.key, what.value, what.expected);
    parts.assertUsable(call);
    const { tx, signal } = call ?? {};
    if (tx !== undefined) return joiner.run(tx, (ask) => joinedStatements.change(ask, what));
    return statements.change(
      (statement, values) => writeOnce(runner, () => runner.once(statement, values, signal)),
      what,
    );
  };

  return {
    async get(key, call) {
      assertRegisterKey(key);
      parts.assertUsable(call);
      const { tx, signal } = call ?? {};
      if (tx !== undefined) return joiner.read(tx, (ask) => statements.get(ask, key));
      return statements.get((statement, values) => reader.rows(statement, values, { doing: READING, signal }), key);
    },

    async set(key, value, call) {
      return change({ key, value, expected: call?.expected }, call);
    },

    async delete(key, call) {
      // Absent is revision 0, and what is absent cannot be deleted.
      return (await change({ key, value: undefined, expected: call?.expected }, call)) !== undefined;
    },

    async *keys(prefix, call) {
      const ask: Ask = (statement, values) => reader.rows(statement, values, { doing: READING, signal: call?.signal });
      for (let after = ""; ; ) {
        const keys = await statements.keys(ask, { prefix, after, limit: KEYS_PER_PAGE });
        yield* keys;
        if (keys.length < KEYS_PER_PAGE) return;
        after = keys.at(-1) ?? after;
      }
    },
  };
}

/** Runs a statement that must not be run again when it may have been carried out. */
async function writeOnce<Result>(runner: QueryRunner, write: () => Promise<Result>): Promise<Result> {
  const deadline = now() + runner.timeoutMs;
  for (;;) {
    try {
      return await write();
    } catch (error) {
      // What became of it cannot be read back for sure: another writer may have changed the key since.
      if (isConnectionLost(error)) {
        throw new UnknownOutcomeError(
          "the connection to PostgreSQL was lost while writing a register; read it to see whether it was written",
          { cause: error },
        );
      }
      if (!isCollision(error) || now() > deadline) throw toStoreError(error, WRITING);
    }
    await delay(Math.random() * 5);
  }
}
