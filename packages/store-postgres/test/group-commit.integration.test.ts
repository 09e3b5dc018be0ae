import { type AppendResult, isEventSourcingError } from "@es/core";
import { readLog, writeOf } from "test-helpers";
import { type PostgresServer, startPostgres } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "./database.ts";
import { MODES } from "./modes.ts";
import { newEvent } from "./new-event.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe.each(MODES)("group commit ($name)", ({ options }) => {
  it("stores appends that are made together in a few transactions", async () => {
    await using database = await openDatabase(server);
    const store = await database.open(options);
    await store.append(writeOf("first-1", 0));

    const results = await Promise.all(Array.from({ length: 200 }, (_, n) => store.append(writeOf(`a-${n}`, 0))));

    expect(new Set(results.map(({ position }) => position)).size).toBe(200);
    const [row] = await database.query("SELECT count(DISTINCT xmin::text) FROM es.events");
    expect(Number(row?.[0])).toBeLessThan(10);
  });

  it("lets only the append fail that the server refuses", async () => {
    await using database = await openDatabase(server);
    const store = await database.open(options);
    await database.query("ALTER TABLE es.events ADD CONSTRAINT no_poison CHECK (type <> 'Poison')");
    const poison = { streamId: "bad-1", expected: 0, events: [newEvent(), { ...newEvent(), type: "Poison" }] } as const;

    const outcomes = await Promise.allSettled([
      ...Array.from({ length: 20 }, (_, n) => store.append(writeOf(`a-${n}`, 0))),
      store.append(poison),
      ...Array.from({ length: 20 }, (_, n) => store.append(writeOf(`b-${n}`, 0))),
    ]);

    const failures = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(failures.map(({ reason }) => isEventSourcingError(reason, "ES_CONFIGURATION"))).toStrictEqual([true]);
    expect(await readLog(store)).toHaveLength(40);
  });

  it("lets a conflict fail only its own append", async () => {
    await using database = await openDatabase(server);
    const store = await database.open(options);
    await store.append(writeOf("hot-1", 0, 3));

    const outcomes = await Promise.allSettled([
      store.append(writeOf("a-1", 0)),
      store.append(writeOf("hot-1", 7)),
      store.append([writeOf("b-1", 0), writeOf("hot-1", 1)]),
      store.append(writeOf("c-1", 0)),
    ]);

    expect(outcomes.map(({ status }) => status)).toStrictEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    expect(outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason] : []))).toMatchObject([
      { code: "ES_CONCURRENCY", streamId: "hot-1", expected: 7, actual: 3 },
      { code: "ES_CONCURRENCY", streamId: "hot-1", expected: 1, actual: 3 },
    ]);
  });

  it("does not hold up other streams while a transaction that has appended to one stays open", async () => {
    await using database = await openDatabase(server);
    const store = await database.open(options);
    await store.append(writeOf("hot-1", 0));
    const foreign = await database.connect();
    await foreign.query("BEGIN");
    await store.append(writeOf("hot-1", 1), { tx: foreign });

    const blocked = store.append(writeOf("hot-1", "any"));
    const others = await Promise.all(Array.from({ length: 50 }, (_, n) => store.append(writeOf(`a-${n}`, 0))));
    const later = await store.append(writeOf("a-1", 1));
    const first = await Promise.race([blocked, Promise.resolve("still waiting")]);

    expect(others).toHaveLength(50);
    expect(later.versions).toStrictEqual([2]);
    expect(first).toBe("still waiting");
    await foreign.query("COMMIT");
    expect((await blocked).versions).toStrictEqual([3]);
  });

  it("refuses the appends to a hot stream that come too late, and loses none that is acknowledged", async () => {
    await using database = await openDatabase(server);
    const store = await database.open(options);
    const stores = [store, await database.open()];
    const stored: AppendResult[] = [];

    const caller = async (number: number): Promise<void> => {
      const mine = stores[number % 2] ?? store;
      for (let done = 0; done < 5; ) {
        let version = 0;
        for await (const page of mine.readStream("hot-1", { direction: "backward", limit: 1 }))
          version = page[0]?.version ?? 0;
        try {
          stored.push(await mine.append(writeOf("hot-1", version)));
          done += 1;
        } catch (error) {
          if (!isEventSourcingError(error, "ES_CONCURRENCY")) throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: 12 }, (_, number) => caller(number)));

    const log = await readLog(store);
    expect(log.map(({ version }) => version)).toStrictEqual(Array.from({ length: 60 }, (_, n) => n + 1));
    expect(stored.map(({ position }) => position).toSorted()).toStrictEqual(log.map(({ position }) => position));
  });

  it("takes back what it knew of a stream when the stream turns out to be shorter", async () => {
    await using database = await openDatabase(server);
    const store = await database.open(options);
    for (let version = 0; version < 5; version += 1) await store.append(writeOf("a-1", version));
    // As after a restore of a backup to which the open connections have survived.
    await database.query("DELETE FROM es.events WHERE version > 2");

    const { versions } = await store.append(writeOf("a-1", 2));

    expect(versions).toStrictEqual([3]);
  });

  it("takes back what it knew of a stream when a read shows it to be shorter", async () => {
    await using database = await openDatabase(server);
    const store = await database.open(options);
    for (let version = 0; version < 5; version += 1) await store.append(writeOf("a-1", version));
    await database.query("DELETE FROM es.events WHERE version > 4");

    for await (const page of store.readStream("a-1")) expect(page).toHaveLength(4);
    const { versions } = await store.append(writeOf("a-1", 4));

    expect(versions).toStrictEqual([5]);
  });

  it("refuses more appends than may wait", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ ...options, maxPendingWrites: 10 });

    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, async (_, n) => store.append(writeOf(`a-${n}`, 0))),
    );

    const refused = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    expect(refused).toHaveLength(20);
    expect(refused.every((error) => isEventSourcingError(error, "ES_STORE_UNAVAILABLE"))).toBe(true);
    expect(await readLog(store)).toHaveLength(10);
  });
});
