import { startNats, startPostgres } from "test-servers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { query } from "./query.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("a server of the environment", () => {
  it("gives a new PostgreSQL database, which is dropped again", async () => {
    await using own = await startPostgres();
    vi.stubEnv("ES_TEST_POSTGRES_URL", own.url);

    const borrowed = await startPostgres();

    expect(borrowed).toMatchObject({ host: own.host, port: own.port, version: own.version, isRunning: true });
    expect(borrowed.dataDirectory).toBe(own.dataDirectory);
    expect(await query(borrowed.url, "select current_database() like 'es_test_%' as is_new")).toEqual([
      { is_new: true },
    ]);
    await borrowed[Symbol.asyncDispose]();
    await expect(query(borrowed.url, "select 1")).rejects.toThrow("does not exist");
    expect(own.isRunning).toBe(true);
  });

  it("is neither stopped nor killed nor started", async () => {
    await using own = await startPostgres();
    await using ownNats = await startNats();
    vi.stubEnv("ES_TEST_POSTGRES_URL", own.url);
    vi.stubEnv("ES_TEST_NATS_URL", ownNats.url);
    await using postgres = await startPostgres();
    await using nats = await startNats();

    for (const { stop, kill, start, restart } of [postgres, nats]) {
      for (const call of [stop, kill, start, restart]) await expect(call()).rejects.toThrow("is not ours to stop");
    }
    expect(nats.pause).toThrow("is not ours to stop");
    expect(nats).toMatchObject({ url: ownNats.url, version: ownNats.version });
  });

  it("is left alone by a test that needs a server of its own", async () => {
    vi.stubEnv("ES_TEST_NATS_URL", "nats://127.0.0.1:1");
    vi.stubEnv("ES_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:1/postgres");
    await using nats = await startNats({ isPrivate: true });
    await using postgres = await startPostgres({ isPrivate: true });

    await Promise.all([nats.kill(), postgres.kill()]);

    expect([nats.isRunning, postgres.isRunning]).toEqual([false, false]);
  });

  it("says so when nothing answers there", async () => {
    vi.stubEnv("ES_TEST_NATS_URL", "nats://127.0.0.1:1");
    await expect(startNats()).rejects.toThrow("No NATS server answers at ES_TEST_NATS_URL");

    vi.stubEnv("ES_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:1/postgres");
    await expect(startPostgres()).rejects.toThrow("ES_TEST_POSTGRES_URL");
  });
});
