import { setTimeout as sleep } from "node:timers/promises";
import { Child, writeOf } from "test-helpers";
import { type PostgresServer, startPostgres, startTcpProxy } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresEventStore } from "../src/index.ts";
import { openDatabase } from "./database.ts";
import { startSilentProxy } from "./silent-proxy.ts";

const TIMEOUT_MS = 1_000;

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("a network that has gone silent", () => {
  it.each([
    { what: "setting it up", statement: 1 },
    { what: "looking whether it leads to the primary", statement: 2 },
  ])("does not take the place of a connection for ever, when it happens while $what", async ({ statement }) => {
    await using database = await openDatabase(server);
    await using proxy = await startSilentProxy(server);
    const url = proxy.urlFor(database.url);
    await using store = await openPostgresEventStore({ url, timeoutMs: TIMEOUT_MS, listen: false });
    proxy.silenceFrom(statement);
    await expect(store.append(writeOf("a-1", 0))).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });

    proxy.silenceFrom(0);
    // As long as the silent connection may take until it is given up.
    await sleep(2 * TIMEOUT_MS);

    expect((await store.append(writeOf("a-1", 0))).versions).toStrictEqual([1]);
  });

  it("does not hold up a store that is closed", async () => {
    await using database = await openDatabase(server);
    await using proxy = await startTcpProxy(server);
    const store = await openPostgresEventStore({ url: proxy.urlFor(database.url), timeoutMs: TIMEOUT_MS });
    await store.append(writeOf("a-1", 0));
    // Until it listens.
    await expect
      .poll(
        async () =>
          (
            await database.query(
              "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND datname = current_database()",
            )
          ).length,
      )
      .toBe(1);
    proxy.pause();

    const closed = store[Symbol.asyncDispose]().then(() => "closed");

    expect(await Promise.race([closed, sleep(5 * TIMEOUT_MS, "hangs")])).toBe("closed");
  });

  it("does not hold up a process that closes its store and ends", async () => {
    await using database = await openDatabase(server);
    await using proxy = await startTcpProxy(server);
    const child = new Child(new URL("./child/close.ts", import.meta.url), {
      url: proxy.urlFor(database.url),
      timeoutMs: TIMEOUT_MS,
    });
    await expect.poll(() => child.lines, { timeout: 10_000 }).toStrictEqual(["open"]);
    proxy.pause();
    child.process.stdin?.write("close");

    const end = await Promise.race([child.done, sleep(8 * TIMEOUT_MS, "is still there")]);
    child.signal("SIGKILL");

    expect(end).toStrictEqual(["open", "closed"]);
  });
});
