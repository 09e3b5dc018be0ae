import { readFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { createMemoryEventStore } from "@es/store-memory";
import { expect, it } from "vitest";
import { createProjectionRunner, defineProjection, exactlyOnce } from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { nodeSqliteSink } from "./node-sqlite-sink.ts";
import { VirtualClock } from "./virtual-clock.ts";

it("keeps a read model exactly once in the worked example of another database", async () => {
  await using store = createMemoryEventStore();
  const database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE totals (account TEXT PRIMARY KEY, total INTEGER)");
  let failures = 2;
  const totals = defineProjection({
    name: "totals",
    events: accountEvents,
    types: ["Deposited"],
    delivery: exactlyOnce<DatabaseSync>(),
    handlers: {
      Deposited: ({ streamId, data }, { tx }) => {
        tx.prepare(
          "INSERT INTO totals VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET total = total + excluded.total",
        ).run(streamId, data.amount);
        failures -= 1;
        if (failures === 0) throw new Error("not yet");
      },
    },
  });
  await deposit(store, "a-1", 1, 2);
  const sink = nodeSqliteSink(database);
  const first = createProjectionRunner(totals, { store, sink, clock: new VirtualClock(5_000) });
  await first.start();
  await first.waitFor(await store.head());
  await first.stop();

  await using second = createProjectionRunner(totals, { store, sink });
  await second.start();
  await second.waitFor(await deposit(store, "a-1", 4));

  expect(database.prepare("SELECT * FROM totals").all()).toMatchObject([{ account: "a-1", total: 7 }]);
  expect(await sink.registers.set("checkpoint:totals", "x", { expected: 0 })).toBeUndefined();
  expect(await sink.registers.delete("checkpoint:totals")).toBe(true);
  expect(await sink.registers.get("checkpoint:totals")).toBeUndefined();
  expect(await sink.registers.set("checkpoint:totals", "x", { expected: 0 })).toBeGreaterThan(2);
});

it("is the worked example of the documentation, word for word", async () => {
  const [page, source] = await Promise.all(
    ["../../../docs/projections.md", "./node-sqlite-sink.ts"].map((path) =>
      readFile(new URL(path, import.meta.url), "utf8"),
    ),
  );
  const body = (text = ""): string | undefined => /export function nodeSqliteSink[\s\S]*?\n}\n/.exec(text)?.[0];

  expect(body(source)).toContain("BEGIN IMMEDIATE");
  expect(body(page)).toBe(body(source));
});
