import { readFile } from "node:fs/promises";
import type { EventStore, Position } from "@es/core";
import { openSqliteEventStore } from "@es/store-sqlite";
import Database from "better-sqlite3";
import { Child, readLog } from "test-helpers";
import { expect, it } from "vitest";
import { createBalances, foldBalances, readBalances } from "./balances.ts";
import { temporaryDirectory } from "./temporary-file.ts";

const NOTE = new URL("./child/note.ts", import.meta.url);
const SHARE = new URL("./child/share.ts", import.meta.url);
const STREAMS = 7;

/** Appends deposits over several streams and returns the head. */
async function fill(store: EventStore<unknown>, count: number): Promise<Position> {
  let position = "";
  for (let n = 0; n < count; n += 1) {
    const events = [{ type: "Deposited", data: { amount: n + 1 } }];
    ({ position } = await store.append({ streamId: `account-${n % STREAMS}`, expected: "any", events }));
  }
  return position;
}

/** A store and a read model in files that several processes share. */
async function openPlace() {
  const directory = await temporaryDirectory();
  const path = directory.path("events.db");
  const views = directory.path("views.db");
  const store = await openSqliteEventStore({ path });
  const view = new Database(views);
  view.pragma("journal_mode = WAL");
  createBalances(view);
  return {
    path,
    views,
    store,
    read: () => readBalances(view),
    fold: async () => foldBalances(await readLog(store)),
    async [Symbol.asyncDispose]() {
      view.close();
      await store[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function isReport(line: unknown, kind: string, more: Record<string, unknown> = {}): boolean {
  if (typeof line !== "object" || line === null) return false;
  const members = new Map<string, unknown>(Object.entries(line));
  return members.get("kind") === kind && Object.entries(more).every(([key, value]) => members.get(key) === value);
}

/** Whether a line says that everything up to a position was handled. */
function hasReached(line: unknown, position: Position): boolean {
  return isReport(line, "progress", { position });
}

it("lets nothing of a paused holder take effect when it wakes up after another one has taken over", {
  timeout: 60_000,
}, async () => {
  await using place = await openPlace();
  await fill(place.store, 100);
  const args = { path: place.path, views: place.views, partitions: 1, leaseMs: 400 };
  await using paused = new Child(SHARE, { ...args, pauseAt: 3 });
  await paused.said((line) => isReport(line, "pausing"));

  await using other = new Child(SHARE, args);
  const head = await fill(place.store, 50);
  await other.said((line) => hasReached(line, head));
  const before = place.read();
  paused.signal("SIGCONT");
  await paused.said((line) => isReport(line, "woken"));
  await paused.said((line) => isReport(line, "failed", { code: "ES_CHECKPOINT_CONFLICT" }));

  expect(place.read()).toStrictEqual(before);
  const end = await fill(place.store, 10);
  await other.said((line) => hasReached(line, end));
  expect(await Promise.all([paused.stop(), other.stop()])).toStrictEqual(["0", "0"]);
  expect(place.read()).toStrictEqual(await place.fold());
});

it("hands over at once when a process stops, and after the lease when it is killed", { timeout: 60_000 }, async () => {
  await using place = await openPlace();
  const args = { path: place.path, views: place.views, partitions: 1, leaseMs: 3_600_000 };
  const first = await fill(place.store, 30);
  await using stopping = new Child(SHARE, args);
  await stopping.said((line) => hasReached(line, first));
  await using next = new Child(SHARE, { ...args, leaseMs: 400 });
  await stopping.stop();
  await next.said((line) => isReport(line, "started", { position: first }));

  await next.kill();
  await using last = new Child(SHARE, { ...args, leaseMs: 400 });
  const head = await fill(place.store, 30);
  await last.said((line) => hasReached(line, head));
  await last.stop();

  expect(place.read()).toStrictEqual(await place.fold());
});

it("keeps the read model equal to a fold of the log while processes that share it are killed again and again", {
  timeout: 120_000,
}, async () => {
  await using place = await openPlace();
  const args = { path: place.path, views: place.views, partitions: 4, leaseMs: 600 };
  let children = [new Child(SHARE, args), new Child(SHARE, args)];

  for (let round = 0; round < 5; round += 1) {
    const [victim, survivor] = children;
    if (victim === undefined || survivor === undefined) break;
    await fill(place.store, 60);
    // Something was handled since the last kill, by whomever.
    await Promise.race([victim, survivor].map((child) => child.said((line) => isReport(line, "progress"))));
    await victim.kill();
    survivor.lines.length = 0;
    children = [survivor, new Child(SHARE, args)];
  }
  const head = await fill(place.store, STREAMS);
  await using reader = new Child(SHARE, args);
  await Promise.all(children.map((child) => child.kill()));
  // Four partitions, each of which says so.
  await reader.said((line) => hasReached(line, head), 4);
  await reader.stop();

  expect(place.read()).toStrictEqual(await place.fold());
});

it("skips nothing outside of transactions when a process is killed again and again while it catches up", {
  timeout: 60_000,
}, async () => {
  await using directory = await temporaryDirectory();
  const [path, notes] = [directory.path("events.db"), directory.path("notes")];
  await using store = await openSqliteEventStore({ path });
  for (let n = 0; n < 2_100; n += 100) {
    const events = Array.from({ length: 100 }, (_, amount) => ({ type: "Deposited", data: { amount } }));
    await store.append({ streamId: `account-${n % STREAMS}`, expected: "any", events });
  }
  const log = (await readLog(store)).map(({ streamId, version }) => `${streamId}@${version}`);
  const noted = async (): Promise<readonly string[]> => (await readFile(notes, "utf8")).trimEnd().split("\n");

  for (let round = 1; round <= 8; round += 1) {
    await using victim = new Child(NOTE, { path, notes });
    await victim.said(() => victim.lines.filter((line) => isReport(line, "progress")).length >= 12);
    await victim.kill();
    const { events } = JSON.parse((await store.registers.get("checkpoint:noting"))?.value ?? "{}");
    // What is stored as handled was handled.
    expect(new Set(await noted())).toStrictEqual(new Set(log.slice(0, new Set(await noted()).size)));
    expect(events).toBeLessThanOrEqual(new Set(await noted()).size);
  }
  await using last = new Child(NOTE, { path, notes });
  await last.said((line) => isReport(line, "stopped"));

  expect([...new Set(await noted())]).toStrictEqual(log);
});
