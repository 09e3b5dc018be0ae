import type { Registers } from "@es/core";
import { assertRegisterKey, assertRegisterWrite } from "@es/core/adapter";
import type { TransactionJoiner } from "./joined-transaction.ts";
import type { PostgresClient } from "./postgres-driver.ts";
import type { Ask } from "./refusal.ts";
import type { RegisterChange, RegisterStatements } from "./register-statements.ts";
import type { RegisterWriter } from "./register-writer.ts";
import type { StoreReader } from "./store-reader.ts";

const KEYS_PER_PAGE = 500;
const READING = "reading a register";

/** What calls have in common. */
export interface PostgresCall {
  readonly tx?: PostgresClient;
  readonly signal?: AbortSignal;
}

/** What the registers need of their store. */
export interface RegisterParts {
  readonly reader: StoreReader;
  readonly writer: RegisterWriter;
  readonly statements: RegisterStatements;
  /** Those for transactions of callers. */
  readonly joinedStatements: RegisterStatements;
  readonly joiner: TransactionJoiner;
  /** @throws StoreClosedError, AbortedError */
  assertUsable(call: PostgresCall | undefined): void;
}

/** Registers in a table beside the events. */
export function createPostgresRegisters(parts: RegisterParts): Registers<PostgresClient> {
  const { reader, writer, statements, joinedStatements, joiner } = parts;

  const change = async (what: RegisterChange, call: PostgresCall | undefined): Promise<number | undefined> => {
    assertRegisterWrite(what.key, what.value, what.expected);
    parts.assertUsable(call);
    const { tx, signal } = call ?? {};
    if (tx === undefined) return writer.write(what, signal);
    return joiner.run(tx, async (ask) => (await joinedStatements.change(ask, what))?.revision);
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
