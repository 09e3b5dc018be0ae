import { openSqliteEventStore } from "@es/store-sqlite";
import Database from "better-sqlite3";
import { Child } from "test-helpers";
import { expect, it } from "vitest";
import { createProjectionRunner, createSqliteSink, rebuildProjection } from "../src/index.ts";
import { deposit } from "./accounts.ts";
import { temporaryDirectory } from "./temporary-file.ts";
import { rebuildOptions, version } from "./versions.ts";

const REBUILD = new URL("./child/rebuild.ts", import.meta.url);
const EVENTS = 300;

it("goes on with a rebuild whose process was killed again and again, and shows readers a whole version all the time", {
  timeout: 60_000,
}, async () => {
  await using directory = await temporaryDirectory();
  const path = directory.path("events.db");
  const views = directory.path("views.db");
  await using store = await openSqliteEventStore({ path });
  const database = new Database(views);
  database.pragma("journal_mode = WAL");
  const sink = createSqliteSink(database);
  for (let n = 0; n < EVENTS; n += 1) await deposit(store, `a-${n % 7}`, 1);
  await rebuildProjection(version(1), rebuildOptions(1, store, sink));
  await using old = createProjectionRunner(version(1), { store, sink });
  await old.start();
  await old.waitFor(await store.head());
  const read = (): unknown => database.prepare("SELECT sum(events) AS events, sum(total) AS total FROM balances").get();
  const done = (): unknown => database.prepare("SELECT coalesce(sum(events), 0) FROM balances_v2").pluck().get();
  const reached: unknown[] = [];

  for (let round = 0; round < 3; round += 1) {
    const child = new Child(REBUILD, { path, views });
    await child.said((line) => JSON.stringify(line).includes(`"handled":${(round + 1) * 20}`));
    await child.kill();
    reached.push(done());
    expect(read()).toStrictEqual({ events: EVENTS, total: EVENTS });
  }
  await using last = new Child(REBUILD, { path, views });
  await last.said((line) => JSON.stringify(line).includes("switched"));

  expect(read()).toStrictEqual({ events: EVENTS, total: 2 * EVENTS });
  expect(reached).toStrictEqual(reached.toSorted((a, b) => Number(a) - Number(b)));
  expect(Number(reached[2])).toBeGreaterThan(Number(reached[0]));
  await deposit(store, "a-1", 1);
  await expect(old.done).rejects.toMatchObject({ code: "ES_PROJECTION_REPLACED" });
  database.close();
});
