import type pg from "pg";
import { expectTypeOf, test } from "vitest";
import type { PostgresClient, PostgresConnectionSettings, PostgresPool } from "./postgres-driver.ts";

test("clients, pools and settings of pg fit as they are", () => {
  expectTypeOf<pg.Client>().toExtend<PostgresClient>();
  expectTypeOf<pg.PoolClient>().toExtend<PostgresClient>();
  expectTypeOf<pg.Pool>().toExtend<PostgresPool>();
  expectTypeOf<Pick<pg.ClientConfig, keyof PostgresConnectionSettings>>().toExtend<PostgresConnectionSettings>();
});
