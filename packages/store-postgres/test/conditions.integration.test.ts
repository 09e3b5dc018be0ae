import { setTimeout as sleep } from "node:timers/promises";
import { isEventSourcingError } from "@es/core";
import { readLog, writeOf } from "test-helpers";
import { type PostgresServer, startPostgres } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "./database.ts";
import { newEvent } from "./new-event.ts";

const BOUNDARIES = 100;
const CAPACITY = 5;
const CLIENTS = 16;

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("conditions", () => {
  it("overbook none of 100 courses that 16 clients of two instances rush at", { timeout: 60_000 }, async () => {
    await using database = await openDatabase(server);
    const stores = [await database.open({ tags: true }), await database.open({ writeConnections: 2 })];

    const client = async (number: number): Promise<void> => {
      const store = stores[number % 2];
      if (store === undefined) return;
      for (let course = 0; course < BOUNDARIES; course += 1) {
        const filter = { tags: [`course:${course}`] };
        for (let isDone = false; !isDone; ) {
          let taken = 0;
          let after = "";
          for await (const page of store.readAll({ filter })) {
            taken += page.events.length;
            after = page.next;
          }
          if (taken >= CAPACITY) break;
          const event = { ...newEvent({ number }), tags: [`course:${course}`, `student:${number}`] };
          try {
            await store.append(
              { streamId: `student-${number}`, expected: "any", events: [event] },
              { if: { none: filter, after } },
            );
            isDone = true;
          } catch (error) {
            if (!isEventSourcingError(error, "ES_CONDITION_FAILED")) throw error;
          }
        }
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));

    const [store] = stores;
    const log = store === undefined ? [] : await readLog(store);
    const taken = new Map<string, number>();
    for (const { tags } of log) {
      const course = tags.find((tag) => tag.startsWith("course:")) ?? "";
      taken.set(course, (taken.get(course) ?? 0) + 1);
    }
    expect(taken.size).toBe(BOUNDARIES);
    expect([...taken.values()].filter((count) => count !== CAPACITY)).toStrictEqual([]);
  });

  it("hold against appends in transactions of callers", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ tags: true });
    const other = await database.open();
    const after = await store.head();
    const event = { ...newEvent(), tags: ["seat:1"] };
    const foreign = await database.connect();
    await foreign.query("BEGIN");
    await other.append({ streamId: "a-1", expected: 0, events: [event] }, { tx: foreign });

    const rival = store.append(
      { streamId: "b-1", expected: 0, events: [{ ...newEvent(), tags: ["seat:1"] }] },
      { if: { none: { tags: ["seat:1"] }, after } },
    );
    const refusal = rival.catch((error: unknown) => error);
    await store.append({ streamId: "c-1", expected: 0, events: [{ ...newEvent(), tags: ["seat:2"] }] });
    await foreign.query("COMMIT");

    expect(await refusal).toMatchObject({ code: "ES_CONDITION_FAILED" });
  });

  it("let appends and conditions with other tags go on, and hold up those with the same", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ tags: true });
    const after = await store.head();
    const holder = await database.connect();
    await holder.query("BEGIN");
    const held = { if: { none: { tags: ["seat:1"] }, after }, tx: holder };
    await store.append({ streamId: "a-1", expected: 0, events: [newEvent()] }, held);

    const same = store.append({ streamId: "b-1", expected: 0, events: [{ ...newEvent(), tags: ["seat:1"] }] });
    const other = { ...newEvent(), tags: ["seat:2"] };
    await store.append({ streamId: "c-1", expected: 0, events: [other] });
    await store.append(writeOf("d-1", 0), { if: { none: { tags: ["seat:3"] }, after } });
    await store.append(writeOf("e-1", 0));
    const first = await Promise.race([same, Promise.resolve("still waiting")]);
    await holder.query("COMMIT");

    expect(first).toBe("still waiting");
    expect((await same).versions).toStrictEqual([1]);
    expect(await readLog(store)).toHaveLength(5);
  });

  it("without tags hold up every other append until their transaction has ended", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ tags: true });
    const after = await store.head();
    const holder = await database.connect();
    await holder.query("BEGIN");
    const held = { if: { none: { types: ["Closed"] }, after }, tx: holder };
    await store.append({ streamId: "a-1", expected: 0, events: [newEvent()] }, held);

    const others = Promise.all([
      store.append(writeOf("b-1", 0)),
      store.append({ streamId: "c-1", expected: 0, events: [{ ...newEvent(), tags: ["seat:2"] }] }),
    ]);
    // Longer than a group of appends waits for a lock.
    const first = await Promise.race([others, sleep(300, "still waiting")]);
    await holder.query("COMMIT");

    expect(first).toBe("still waiting");
    await others;
    expect(await readLog(store)).toHaveLength(3);
  });

  it("refuse a transaction of the caller whose snapshot is too old to check them", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ tags: true });
    const foreign = await database.connect();
    await foreign.query("BEGIN ISOLATION LEVEL REPEATABLE READ");

    await expect(store.append(writeOf("a-1", 0), { tx: foreign })).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("READ COMMITTED"),
    });
    await foreign.query("ROLLBACK");
  });

  it("and tags of 3,000 different names fit into one append", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ tags: true });
    const events = Array.from({ length: 3_000 }, (_, n) => ({
      ...newEvent(),
      tags: [`tag:${n}`, String.raw`q"\{},'${n}`],
    }));

    await store.append({ streamId: "a-1", expected: 0, events });

    expect((await readLog(store)).map(({ tags }) => tags)).toStrictEqual(events.map(({ tags }) => tags));
  });
});
