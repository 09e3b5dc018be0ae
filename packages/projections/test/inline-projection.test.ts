import { createRepository, defineAggregate } from "@es/core";
import { openSqliteEventStore, type SqliteDatabase } from "@es/store-sqlite";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { defineInlineProjection, type InlineProjection, withInlineProjections } from "../src/index.ts";
import { accountEvents } from "./accounts.ts";
import { createBalances, readBalances } from "./balances.ts";
import { temporaryDirectory } from "./temporary-file.ts";

function totals(onEvent: (amount: number) => void = () => undefined): InlineProjection<SqliteDatabase> {
  return defineInlineProjection({
    name: "totals",
    events: accountEvents,
    handlers: {
      Opened: () => undefined,
      Deposited: ({ streamId, data }, tx: SqliteDatabase) => {
        tx.prepare(
          "INSERT INTO balances VALUES (?, ?, 1) ON CONFLICT (stream) DO UPDATE SET total = total + excluded.total, events = events + 1",
        ).run(streamId, data.amount);
        onEvent(data.amount);
      },
    },
  });
}

async function open(projection: InlineProjection<SqliteDatabase>) {
  const directory = await temporaryDirectory();
  const path = directory.path("events.db");
  const inner = await openSqliteEventStore({ path });
  const view = new Database(path);
  createBalances(view);
  return {
    store: withInlineProjections(inner, [projection]),
    read: () => readBalances(view),
    async [Symbol.asyncDispose]() {
      view.close();
      await inner[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const deposited = (amount: number, id?: string) => ({
  type: "Deposited",
  data: { amount },
  ...(id === undefined ? {} : { id }),
});

describe("an inline projection", () => {
  it("is written with the append, and a repeated append does not write it again", async () => {
    await using place = await open(totals());
    const write = {
      streamId: "a-1",
      expected: 0,
      events: [deposited(1, crypto.randomUUID()), deposited(2, crypto.randomUUID())],
    };

    await place.store.append(write);
    const again = await place.store.append(write);

    expect(again.duplicate).toBe(true);
    expect(place.read()).toStrictEqual({ "a-1": "3 of 2" });
  });

  it("takes the append with it when it fails", async () => {
    await using place = await open(
      totals(() => {
        throw new Error("no");
      }),
    );

    await expect(place.store.append({ streamId: "a-1", expected: 0, events: [deposited(1)] })).rejects.toThrow("no");

    expect(await place.store.head()).toBe("");
    expect(place.read()).toStrictEqual({});
  });

  it("is not written when the append is refused or the caller's transaction rolls back", async () => {
    await using place = await open(totals());

    const refused = place.store.append({ streamId: "a-1", expected: 7, events: [deposited(1)] });
    const rolledBack = place.store.transaction(async (tx) => {
      await place.store.append({ streamId: "a-1", expected: 0, events: [deposited(1)] }, { tx });
      throw new Error("no");
    });

    await expect(refused).rejects.toMatchObject({ code: "ES_CONCURRENCY" });
    await expect(rolledBack).rejects.toThrow("no");
    expect(place.read()).toStrictEqual({});
  });

  it("sees what the call was given, not what became of it", async () => {
    await using place = await open(totals());
    const data = { amount: 1 };

    const append = place.store.append({ streamId: "a-1", expected: 0, events: [{ type: "Deposited", data }] });
    data.amount = 100;
    await append;

    expect(place.read()).toStrictEqual({ "a-1": "1 of 1" });
  });

  it("works under a repository", async () => {
    await using place = await open(totals());
    const Account = defineAggregate({
      name: "account",
      events: accountEvents,
      state: z.object({ total: z.number() }),
      commands: { Deposit: z.object({ amount: z.number() }) },
      initialState: () => ({ total: 0 }),
      evolve: { Opened: (state) => state, Deposited: (state, { data }) => ({ total: state.total + data.amount }) },
      decide: { Deposit: ({ data }) => ({ type: "Deposited", data }) },
    });

    await createRepository(place.store, Account).execute("1", { type: "Deposit", data: { amount: 5 } });

    expect(place.read()).toStrictEqual({ "account-1": "5 of 1" });
  });

  it("must have a name of its own", async () => {
    await using store = await openSqliteEventStore({ path: ":memory:" });

    expect(() => withInlineProjections(store, [totals(), totals()])).toThrow(/same name/);
  });
});
