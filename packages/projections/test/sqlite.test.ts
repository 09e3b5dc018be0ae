import { openSqliteEventStore } from "@es/store-sqlite";
import { expect, it } from "vitest";
import { createProjectionRunner, defineProjection } from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";

it("runs over a SQLite store as over any other", async () => {
  await using store = await openSqliteEventStore({ path: ":memory:" });
  await deposit(store, "a-1", 1, 2, 3);
  const amounts: number[] = [];
  const projection = defineProjection({
    name: "amounts",
    events: accountEvents,
    types: ["Deposited"],
    handlers: { Deposited: ({ data }) => void amounts.push(data.amount) },
  });
  await using runner = createProjectionRunner(projection, { store, pageSize: 2 });

  await runner.start();
  await runner.waitFor(await deposit(store, "a-1", 4));

  expect(amounts).toStrictEqual([1, 2, 3, 4]);
});
