import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "@es/core";
import { writeOf } from "test-helpers";
import { type PostgresServer, startPostgres } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeNames } from "../src/names.ts";
import { openDatabase } from "./database.ts";

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** The next page with events. */
async function nextEvents(pages: AsyncIterator<Page>): Promise<Page> {
  for (;;) {
    const { value, done } = await pages.next();
    if (done === true) throw new Error("the live read has ended");
    if (value.events.length > 0) return value;
  }
}

describe("live reads", () => {
  // Polling so rarely that only notifications can be the reason.
  const rarely = { pollIntervalMs: 1_000_000 };

  it("hear of events of other instances by notification", async () => {
    await using database = await openDatabase(server);
    const [reader, writer] = [await database.open(rarely), await database.open({ listen: false })];
    const pages = reader.readAll({ live: true })[Symbol.asyncIterator]();
    await pages.next();
    for (let n = 0; n < 5; n += 1) {
      const next = nextEvents(pages);
      await writer.append(writeOf(`a-${n}`, 0));
      expect((await next).events[0]?.streamId).toBe(`a-${n}`);
    }
    await pages.return?.();
  });

  it("go on hearing after the listening connection was cut", async () => {
    await using database = await openDatabase(server);
    const [reader, writer] = [await database.open(rarely), await database.open({ listen: false })];
    const listening = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    await expect.poll(async () => (await database.query(listening)).length).toBe(1);
    const [before] = await database.query(listening);
    await database.query("SELECT pg_terminate_backend($1)", [before?.[0]]);
    await expect
      .poll(async () => (await database.query(listening)).filter(([pid]) => pid !== before?.[0]).length, {
        timeout: 5_000,
      })
      .toBe(1);
    const pages = reader.readAll({ live: true })[Symbol.asyncIterator]();
    await pages.next();

    const next = nextEvents(pages);
    await writer.append(writeOf("a-1", 0));

    expect((await next).events[0]?.streamId).toBe("a-1");
    await pages.return?.();
  });

  it("find events by polling when nothing tells them", async () => {
    await using database = await openDatabase(server);
    const reader = await database.open({ listen: false });
    await database.open();
    const pages = reader.readAll({ live: true })[Symbol.asyncIterator]();
    await pages.next();

    const next = nextEvents(pages);
    await database.query(
      "INSERT INTO es.events (stream, version, id, type, data) VALUES ('hand-1', 1, gen_random_uuid(), 'Made', '{}')",
    );

    expect((await next).events[0]?.streamId).toBe("hand-1");
    expect(reader.capabilities.wakeUp).toBe("poll");
    await pages.return?.();
  });

  it("send few notifications for many appends", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ listen: false });
    const client = await database.connect();
    let count = 0;
    client.on("notification", () => {
      count += 1;
    });
    await client.query(`LISTEN ${storeNames({ schema: "es", prefix: "" }).channel}`);

    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        for (let version = 0; version < 100; version += 1) await store.append(writeOf(`a-${n}`, version));
      }),
    );
    const tookMs = performance.now() - startedAt;
    await expect.poll(() => count).toBeGreaterThan(0);

    expect(count).toBeLessThanOrEqual(tookMs / 10 + 5);
  });

  it("end at once when the store closes, whatever they are doing", async () => {
    await using database = await openDatabase(server);
    for (let delayMs = 0; delayMs < 12; delayMs += 1) {
      const store = await database.open({ listen: false });
      const reads = Array.from({ length: 6 }, async () => {
        for await (const page of store.readAll({ live: true })) expect(page.events).toStrictEqual([]);
      });
      const ended = Promise.allSettled(reads);
      await sleep(delayMs);

      const startedAt = performance.now();
      await store[Symbol.asyncDispose]();
      const outcomes = await ended;

      expect(performance.now() - startedAt).toBeLessThan(3_000);
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ status: "rejected", reason: { code: "ES_STORE_CLOSED" } });
      }
    }
  });

  it("end at once when they are aborted, even while the server does not answer", async () => {
    await using database = await openDatabase(server);
    const store = await database.open({ listen: false });
    const blocker = await database.connect();
    await blocker.query("BEGIN; LOCK TABLE es.events IN ACCESS EXCLUSIVE MODE");
    const controller = new AbortController();
    const pages = store.readAll({ live: true, signal: controller.signal })[Symbol.asyncIterator]();
    const next = pages.next().catch((error: unknown) => error);

    controller.abort();

    expect(await Promise.race([next, database.query("SELECT pg_sleep(2)")])).toMatchObject({ code: "ES_ABORTED" });
    await blocker.query("ROLLBACK");
  });
});
