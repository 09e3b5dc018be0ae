import { randomUUID } from "node:crypto";
import { Client } from "pg";

/** A database for one test, on a server that several tests share. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  /** Drops the database and ends the connections to it. */
  drop(): Promise<void>;
}

/** Creates an empty database on a running server. */
export async function createDatabase(server: { readonly url: string }): Promise<TestDatabase> {
  const name = `es_test_${randomUUID().replaceAll("-", "")}`;
  await run(server.url, `create database ${name} template template0`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  const drop = async () => await run(server.url, `drop database if exists ${name} with (force)`);
  return { url: url.href, name, drop, [Symbol.asyncDispose]: drop };
}

async function run(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
