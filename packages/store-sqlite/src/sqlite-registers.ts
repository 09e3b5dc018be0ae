import type { Register, Registers } from "@es/core";
import { assertRegisterKey, assertRegisterWrite } from "@es/core/adapter";
import type { GroupWriter } from "./group-writer.ts";
import type { ReadConnection } from "./read-connection.ts";
import type { RegisterStatements } from "./register-statements.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";

const KEYS_PER_PAGE = 500;

/** What calls have in common. */
export interface SqliteCall {
  readonly tx?: SqliteDatabase;
  readonly signal?: AbortSignal;
}

/** What the registers need of their store. */
export interface RegisterParts {
  readonly reader: ReadConnection;
  readonly readStatements: RegisterStatements;
  readonly writeStatements: RegisterStatements;
  readonly writer: GroupWriter;
  /** Registers that an open transaction changed on the connection that reads share with it, as they were before. */
  readonly hidden: ReadonlyMap<string, Register | undefined>;
  /** Runs `work` in the caller's transaction. */
  inTransaction<Result>(tx: SqliteDatabase, work: (statements: RegisterStatements) => Result): Result;
  /** @throws StoreClosedError, AbortedError */
  assertUsable(call: SqliteCall | undefined): void;
  /** @throws StoreClosedError, AbortedError, UnsupportedError */
  assertWritable(call: SqliteCall | undefined): void;
}

/** Registers in the table `es_registers`. Their writes share transactions with the appends. */
export function createSqliteRegisters(parts: RegisterParts): Registers<SqliteDatabase> {
  const write = async <Result>(
    bytes: number,
    call: SqliteCall | undefined,
    work: (statements: RegisterStatements) => Result,
  ): Promise<Result> => {
    parts.assertWritable(call);
    if (call?.tx !== undefined) return parts.inTransaction(call.tx, work);
    // What becomes of it cannot be read back for sure: another writer may have changed the key since.
    const task = {
      events: 1,
      bytes,
      run: () => work(parts.writeStatements),
      isStored: () => false,
      isProof: () => false,
    };
    return parts.writer.submit(task, call?.signal);
  };

  const keysBehind = (
    prefix: string,
    after: string,
  ): { readonly keys: string[]; readonly last: string | undefined } => {
    const found = parts.readStatements.keys(prefix, after, KEYS_PER_PAGE);
    const end = found.at(-1);
    const last = found.length === KEYS_PER_PAGE && end?.startsWith(prefix) ? end : undefined;
    const keys = found.filter((key) => key.startsWith(prefix) && !parts.hidden.has(key));
    // Hidden ones are listed as they were before. The transaction may begin or end between two pages, so each page lists its own.
    for (const [key, before] of parts.hidden) {
      if (before === undefined || !key.startsWith(prefix)) continue;
      if (isBehind(key, after) && (last === undefined || !isBehind(key, last))) keys.push(key);
    }
    return { keys, last };
  };

  return {
    async get(key, call): Promise<Register | undefined> {
      assertRegisterKey(key);
      if (call?.tx !== undefined) {
        parts.assertUsable(call);
        return parts.inTransaction(call.tx, (statements) => statements.get(key));
      }
      return parts.reader.run(
        () => (parts.hidden.has(key) ? parts.hidden.get(key) : parts.readStatements.get(key)),
        call?.signal,
      );
    },

    async set(key, value, call) {
      assertRegisterWrite(key, value, call?.expected);
      return write(Buffer.byteLength(value), call, (statements) => statements.set(key, value, call?.expected));
    },

    async delete(key, call) {
      assertRegisterWrite(key, undefined, call?.expected);
      return write(0, call, (statements) => statements.delete(key, call?.expected));
    },

    async *keys(prefix, call) {
      for (let after: string | undefined = ""; after !== undefined; ) {
        const from: string = after;
        const page = await parts.reader.run(() => keysBehind(prefix, from), call?.signal);
        yield* page.keys;
        after = page.last;
        await parts.reader.turn();
      }
    },
  };
}

/** Whether `key` sorts behind `other`, as SQLite sorts text: by the bytes of its UTF-8. */
function isBehind(key: string, other: string): boolean {
  return Buffer.compare(Buffer.from(key), Buffer.from(other)) > 0;
}
