import type { Page } from "@es/core";
import Database from "better-sqlite3";
import { readLog, writeOf } from "test-helpers";
import { expect, it } from "vitest";
import { openSqliteEventStore, type SqliteEventStore } from "../src/index.ts";
import { temporaryFile } from "./temporary-file.ts";

/** Many small events, put there without the store, because it would take long through it. */
function fillLog(path: string, count: number): void {
  const database = new Database(path);
  database.exec(`
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
    INSERT INTO es_events (stream, version, id, type, at, data)
    SELECT 'bulk-' || (i % 100), 1 + (i - 1) / 100, printf('00000000-0000-4000-8000-%012d', i), 'Bulk', 0, '{}' FROM n;
  `);
  database.close();
}

async function pagesOf(store: SqliteEventStore, options: Parameters<SqliteEventStore["readAll"]>[0]): Promise<Page[]> {
  const pages: Page[] = [];
  for await (const page of store.readAll(options)) pages.push(page);
  return pages;
}

it("moves `next` over stretches that a filter leaves out, and keeps the event loop free meanwhile", async () => {
  await using file = await temporaryFile();
  await (await openSqliteEventStore({ path: file.path }))[Symbol.asyncDispose]();
  fillLog(file.path, 300_000);
  await using store = await openSqliteEventStore({ path: file.path });
  await store.append({ streamId: "rare-1", expected: 0, events: [{ type: "Rare", data: 1, tags: ["t"] }] });
  let longest = 0;
  let last = performance.now();
  const watching = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);

  const pages = await pagesOf(store, { filter: { types: ["Rare"] } });
  clearInterval(watching);

  expect(pages.flatMap(({ events }) => events)).toMatchObject([{ streamId: "rare-1", position: "0000000000300001" }]);
  expect(pages.length).toBeGreaterThan(2);
  expect(pages.map(({ next }) => next)).toStrictEqual(pages.map(({ next }) => next).toSorted());
  expect(pages.at(-1)).toMatchObject({ isCaughtUp: true, next: "0000000000300001" });
  expect(longest).toBeLessThan(250);
  for (const filter of [
    { tags: ["t"] },
    { categories: ["rare"] },
    [{ types: ["None"] }, { tags: ["t", "t"], types: ["Rare"] }],
  ]) {
    expect((await pagesOf(store, { filter })).flatMap(({ events }) => events)).toHaveLength(1);
  }
});

it("reads the same log page by page, whatever the size of a page and the filter", async () => {
  await using store = await openSqliteEventStore({ path: ":memory:" });
  for (let count = 0; count < 30; count += 1) {
    await store.append({
      streamId: `${["a", "b", "a b"][count % 3]}-${count % 4}`,
      expected: "any",
      events: [{ type: `T${count % 2}`, data: count, tags: count % 5 === 0 ? ["five", "x"] : [] }],
    });
  }
  const all = await readLog(store);

  for (const pageSize of [1, 2, 7, 29, 30, 31]) {
    for (const filter of [
      undefined,
      { types: ["T1"] },
      { categories: ["a b"] },
      { tags: ["five", "x"] },
      [{ tags: ["five"] }, { categories: ["b"], types: ["T0"] }],
    ]) {
      const [matching] = [await pagesOf(store, { pageSize: 1_000, ...(filter && { filter }) })];
      const pages = await pagesOf(store, { pageSize, ...(filter && { filter }) });
      expect(pages.flatMap(({ events }) => events)).toStrictEqual(matching.flatMap(({ events }) => events));
      expect(pages.at(-1)?.next).toBe(all.at(-1)?.position);
      expect(pages.every(({ events }) => events.length <= pageSize)).toBe(true);
    }
  }
});

it("ends a stream read where the stream ended when it began", async () => {
  await using store = await openSqliteEventStore({ path: ":memory:" });
  await store.append(writeOf("a-1", 0, 4));
  const versions: number[] = [];

  for await (const page of store.readStream("a-1", { pageSize: 2 })) {
    versions.push(...page.map(({ version }) => version));
    await store.append(writeOf("a-1", "any"));
  }

  expect(versions).toStrictEqual([1, 2, 3, 4]);
});

it("looks for commits of others only while a live read waits, and sees them soon", async () => {
  await using file = await temporaryFile();
  await using store = await openSqliteEventStore({ path: file.path, pollIntervalMs: 5 });
  await using other = await openSqliteEventStore({ path: file.path });
  const pages = store.readAll({ live: true })[Symbol.asyncIterator]();
  expect((await pages.next()).value).toMatchObject({ events: [], isCaughtUp: true });

  for (let count = 0; count < 3; count += 1) {
    const next = pages.next();
    await other.append(writeOf("a-1", count));
    expect((await next).value).toMatchObject({ events: [{ version: count + 1 }], isCaughtUp: true });
  }
  // A checkpoint or a snapshot is a commit too, and must not show up as an empty page.
  const next = pages.next();
  await other.registers.set("k", "v");
  await new Promise((resolve) => setTimeout(resolve, 30));
  await other.append(writeOf("a-1", 3));
  expect((await next).value).toMatchObject({ events: [{ version: 4 }] });
  await pages.return?.();
});

it("never shows a page from the middle of somebody's transaction", async () => {
  await using file = await temporaryFile();
  await using store = await openSqliteEventStore({ path: file.path });
  await using other = await openSqliteEventStore({ path: file.path });
  let isWriting = true;
  const sizes = new Set<number>();
  const reading = (async () => {
    while (isWriting) {
      let count = 0;
      for await (const page of store.readAll({ filter: { types: ["Happened"] } })) count += page.events.length;
      sizes.add(count % 7);
    }
  })();

  for (let count = 0; count < 40; count += 1) await other.append([writeOf("a-1", "any", 3), writeOf("b-1", "any", 4)]);
  isWriting = false;
  await reading;

  expect([...sizes]).toStrictEqual([0]);
});
