import { ConfigurationError, type Registers } from "@es/core";
import { assertRegisterKey, assertRegisterWrite, throwIfAborted } from "@es/core/adapter";
import type { SqliteSinkDatabase, SqliteSinkStatement } from "./sqlite-sink.ts";
import { toSqliteSinkError } from "./sqlite-sink-error.ts";

type Transaction<Database> = <Result>(
  work: (tx: Database) => Promise<Result>,
  options?: { readonly signal?: AbortSignal },
) => Promise<Result>;

/** What a call of the registers may be given. */
interface Call<Database> {
  readonly tx?: Database;
  readonly signal?: AbortSignal;
}

interface Statements {
  readonly select: SqliteSinkStatement<[string | null, number]>;
  readonly upsert: SqliteSinkStatement;
  readonly list: SqliteSinkStatement<string>;
}

function prepareStatements(database: SqliteSinkDatabase): Statements {
  return {
    select: database
      .prepare<[string | null, number]>("SELECT value, revision FROM es_projection_registers WHERE key = ?")
      .raw(),
    upsert: database.prepare(
      "INSERT INTO es_projection_registers (key, value, revision) VALUES (?, ?, ?) " +
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision",
    ),
    list: database
      .prepare<string>("SELECT key FROM es_projection_registers WHERE value IS NOT NULL AND substr(key, 1, ?) = ?")
      .pluck(),
  };
}

/** Registers in the table `es_projection_registers`. A deleted one leaves its revision behind, so that none is used twice. */
export function sqliteSinkRegisters<Database extends SqliteSinkDatabase>(
  database: Database,
  transaction: Transaction<Database>,
  isOpen: (tx: Database) => boolean,
): Registers<Database> {
  let prepared: Statements | undefined;
  // The table is only there once a transaction has begun.
  const statements = (): Statements => (prepared ??= prepareStatements(database));

  async function within<Result>(call: Call<Database> | undefined, work: () => Result): Promise<Result> {
    throwIfAborted(call?.signal);
    if (call?.tx === undefined) {
      return transaction(async () => guarded(work), call?.signal === undefined ? {} : { signal: call.signal });
    }
    if (!isOpen(call.tx)) {
      throw new ConfigurationError(
        "tx is not the open transaction of this sink; pass what transaction() gave to its work",
      );
    }
    return guarded(work);
  }

  /** The revision that is current for a compare-and-set; an absent key counts as 0. */
  function current(key: string): { readonly newest: number; readonly current: number } {
    const [value, revision] = statements().select.get(key) ?? [null, 0];
    return { newest: revision, current: value === null ? 0 : revision };
  }

  return {
    get: (key, call) => {
      assertRegisterKey(key);
      return within(call, () => {
        const [value, revision] = statements().select.get(key) ?? [null, 0];
        return value === null ? undefined : { value, revision };
      });
    },

    set: (key, value, call) => {
      assertRegisterWrite(key, value, call?.expected);
      return within(call, () => {
        const found = current(key);
        if (call?.expected !== undefined && call.expected !== found.current) return undefined;
        statements().upsert.run(key, value, found.newest + 1);
        return found.newest + 1;
      });
    },

    delete: (key, call) => {
      assertRegisterWrite(key, undefined, call?.expected);
      return within(call, () => {
        const found = current(key);
        if (found.current === 0 || (call?.expected !== undefined && call.expected !== found.current)) return false;
        statements().upsert.run(key, null, found.newest + 1);
        return true;
      });
    },

    async *keys(prefix, call) {
      yield* await within(call, () =>
        statements()
          .list.all(prefix.length, prefix)
          .filter((key) => key !== ""),
      );
    },
  };
}

function guarded<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw toSqliteSinkError(error, "using a register");
  }
}
