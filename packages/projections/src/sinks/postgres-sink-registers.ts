import { type Register, type Registers, UnknownOutcomeError } from "@es/core";
import { assertRegisterKey, assertRegisterWrite } from "@es/core/adapter";
import type { SinkConnection } from "./postgres-sink-connection.ts";
import type { PostgresSinkClient } from "./postgres-sink-driver.ts";
import { isConnectionLost, toSinkError } from "./postgres-sink-error.ts";

const KEYS_PER_PAGE = 500;

/** What a call of the registers may be given. */
interface Call<Tx> {
  readonly tx?: Tx;
  readonly signal?: AbortSignal;
}

/** Runs `work` on the connection of the call's transaction, or on one of its own. */
export type OnConnection<Client extends PostgresSinkClient> = <Result>(
  call: Call<Pick<Client, "query">> | undefined,
  work: (connection: SinkConnection<Client>) => Promise<Result>,
) => Promise<Result>;

/** Registers in a table. A deleted one leaves its revision behind, so that none is used twice. */
export function postgresSinkRegisters<Client extends PostgresSinkClient>(
  table: string,
  onConnection: OnConnection<Client>,
): Registers<Pick<Client, "query">> {
  const put = `INSERT INTO ${table} AS r (key, value, revision) VALUES ($1, $2::bytea, 1) ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = r.revision + 1`;
  const update = `UPDATE ${table} SET value = $2::bytea, revision = revision + 1 WHERE key = $1 AND value IS NOT NULL AND revision = $3::bigint`;
  const remove = `UPDATE ${table} SET value = NULL, revision = revision + 1 WHERE key = $1 AND value IS NOT NULL`;
  const returning = "RETURNING revision::text AS revision";

  async function change(
    text: string,
    values: unknown[],
    call: Call<Pick<Client, "query">> | undefined,
  ): Promise<number | undefined> {
    return onConnection(call, async (connection) => {
      try {
        const [row] = await connection.query(`${text} ${returning}`, values);
        return row === undefined ? undefined : Number(row["revision"]);
      } catch (error) {
        // Alone it may have been written; in a transaction it is not, because that was not committed.
        if (call?.tx !== undefined || !connection.isLost) throw toSinkError(error, "writing a register");
        throw new UnknownOutcomeError(
          "the connection to the sink's database was lost while writing a register; read it to see whether it was written",
          { cause: error },
        );
      }
    });
  }

  return {
    get: (key, call) => {
      assertRegisterKey(key);
      return onConnection(call, async (connection): Promise<Register | undefined> => {
        const [row] = await reading(
          connection.query(
            `SELECT encode(value, 'hex') AS value, revision::text AS revision FROM ${table} WHERE key = $1 AND value IS NOT NULL`,
            [key],
          ),
        );
        return row === undefined
          ? undefined
          : { value: Buffer.from(row["value"] ?? "", "hex").toString(), revision: Number(row["revision"]) };
      });
    },

    set: async (key, value, call) => {
      assertRegisterWrite(key, value, call?.expected);
      const bytes = `\\x${Buffer.from(value).toString("hex")}`;
      if (call?.expected === undefined) return change(put, [key, bytes], call);
      return call.expected === 0
        ? change(`${put} WHERE r.value IS NULL`, [key, bytes], call)
        : change(update, [key, bytes, call.expected], call);
    },

    delete: async (key, call) => {
      assertRegisterWrite(key, undefined, call?.expected);
      const expected = call?.expected;
      const revision =
        expected === undefined
          ? await change(remove, [key], call)
          : await change(`${remove} AND revision = $2::bigint`, [key, expected], call);
      return revision !== undefined;
    },

    async *keys(prefix, call) {
      for (let after = ""; ; ) {
        const rows = await onConnection(call, (connection) =>
          reading(
            connection.query(
              `SELECT key FROM ${table} WHERE key > $1 AND starts_with(key, $2) AND value IS NOT NULL ORDER BY key LIMIT ${KEYS_PER_PAGE}`,
              [after, prefix],
            ),
          ),
        );
        for (const { key } of rows) if (typeof key === "string") yield key;
        if (rows.length < KEYS_PER_PAGE) return;
        after = rows.at(-1)?.["key"] ?? after;
      }
    },
  };
}

async function reading<Result>(answer: Promise<Result>): Promise<Result> {
  try {
    return await answer;
  } catch (error) {
    throw toSinkError(error, isConnectionLost(error) ? "reading a register, connection lost" : "reading a register");
  }
}
