import { openPostgresEventStore, type PostgresEventStore } from "@es/store-postgres";
import { startPostgres } from "test-servers";
import { Failure } from "./failure.ts";

/** Where the events are kept, and how to say so. */
export interface Database extends AsyncDisposable {
  readonly url: string;
  readonly description: string;
}

/** The database of an address, or a private server that ends with this program. */
export async function findDatabase(url: string | undefined): Promise<Database> {
  if (url !== undefined) {
    return { url, description: "your database", [Symbol.asyncDispose]: async () => undefined };
  }
  try {
    const server = await startPostgres({ isPrivate: true });
    return {
      url: server.url,
      description: `a private PostgreSQL ${server.version}`,
      [Symbol.asyncDispose]: async () => await server[Symbol.asyncDispose](),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(`no private PostgreSQL server could be started; give the address of one. ${reason}`);
  }
}

/** The store, in a schema of its own: the database may be used for other things. */
export async function openBankStore(url: string): Promise<PostgresEventStore> {
  return await openPostgresEventStore({ url, schema: "example_bank" });
}
