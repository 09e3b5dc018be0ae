import pg from "pg";
import { createDatabase, type PostgresServer } from "test-servers";
import { openPostgresEventStore, type PostgresCommonOptions, type PostgresEventStore } from "../src/index.ts";

/** An empty database and a plain connection to it. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  /** Runs SQL beside the store, as an administrator. */
  query(sql: string, values?: unknown[]): Promise<readonly unknown[][]>;
  /** A new client, connected; ended with the database. */
  connect(): Promise<pg.Client>;
  /** A store in the database, closed with it. */
  open(options?: PostgresCommonOptions): Promise<PostgresEventStore>;
}

/** Makes a database of its own on the server. */
export async function openDatabase(server: PostgresServer): Promise<TestDatabase> {
  const database = await createDatabase(server);
  const { url } = database;
  const clients: pg.Client[] = [];
  const stores: PostgresEventStore[] = [];
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url });
    // Tests end connections from the other side.
    client.on("error", () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  return {
    url,
    connect,
    async query(sql, values) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        const { rows } = await client.query<unknown[]>({ text: sql, ...(values && { values }), rowMode: "array" });
        return rows;
      } finally {
        await client.end();
      }
    },
    async open(options = {}) {
      const store = await openPostgresEventStore({ url, ...options });
      stores.push(store);
      return store;
    },
    async [Symbol.asyncDispose]() {
      for (const store of stores) await store[Symbol.asyncDispose]();
      for (const client of clients) await client.end().catch(() => undefined);
      await database.drop();
    },
  };
}
