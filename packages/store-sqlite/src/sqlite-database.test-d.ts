import type { TransactionalEventStore } from "@es/core";
import Database from "better-sqlite3";
import { expectTypeOf, it } from "vitest";
import {
  openSqliteEventStore,
  type SqliteDatabase,
  type SqliteEventStore,
  type SqliteEventStoreOptions,
} from "./index.ts";

it("takes a better-sqlite3 Database as it is, as a store's database and as tx", () => {
  const database = new Database(":memory:");

  expectTypeOf(database).toExtend<SqliteDatabase>();
  expectTypeOf({ database }).toExtend<SqliteEventStoreOptions>();
  expectTypeOf<Parameters<SqliteEventStore["append"]>[1]>().extract<{ tx?: SqliteDatabase }>().not.toBeNever();
});

it("is a transactional store whose tx can be used for the caller's own statements", () => {
  expectTypeOf(openSqliteEventStore).returns.resolves.toExtend<TransactionalEventStore<SqliteDatabase>>();
  const query = (tx: SqliteDatabase) => tx.prepare<{ total: number }>("SELECT 1 AS total").get();
  expectTypeOf(query).returns.toEqualTypeOf<{ total: number } | undefined>();
});

it("needs a path or a database", () => {
  // @ts-expect-error -- neither was given
  void openSqliteEventStore({ timeoutMs: 1 });
});
