import { Child, readLog, writeOf } from "test-helpers";
import { expect, it } from "vitest";
import { openSqliteEventStore } from "../src/index.ts";
import { temporaryFile } from "./temporary-file.ts";

interface Written {
  readonly name: string;
  readonly acknowledged: readonly { id: string; streamId: string; version: number; position: string }[];
  readonly conflicts: number;
  readonly tookMs: number;
}

function script(name: string): URL {
  return new URL(`./child/${name}.ts`, import.meta.url);
}

function isWritten(line: unknown): line is Written {
  return typeof line === "object" && line !== null && "acknowledged" in line;
}

it("lets four processes write to shared streams: what is acknowledged is stored, once, and nobody starves", async () => {
  await using file = await temporaryFile();
  await using store = await openSqliteEventStore({ path: file.path });
  const appends = 100;
  const total = 4 * 4 * appends;
  const follower = new Child(script("follow"), { path: file.path, count: total });

  const names = ["a", "b", "c", "d"];
  const writers = names.map((name) => new Child(script("write"), { path: file.path, name, appends, sharedStreams: 3 }));
  const reports = (await Promise.all(writers.map(({ done }) => done))).flat().filter(isWritten);
  const [, followed] = await follower.done;

  const log = await readLog(store);
  expect(reports.map(({ name }) => name).toSorted()).toStrictEqual(names);
  const acknowledged = reports.flatMap((report) => report.acknowledged);
  expect(acknowledged).toHaveLength(total);
  expect(log.map(({ id, streamId, version, position }) => ({ id, streamId, version, position }))).toStrictEqual(
    acknowledged.toSorted((a, b) => (a.position < b.position ? -1 : 1)),
  );
  const versions = new Map<string, number>();
  for (const { streamId, version } of log) {
    expect(version).toBe((versions.get(streamId) ?? 0) + 1);
    versions.set(streamId, version);
  }
  expect(followed).toStrictEqual(log.map(({ id }) => id));
  // All had the same work, so one that starved would end long after the others.
  const times = reports.map(({ tookMs }) => tookMs);
  expect(Math.max(...times)).toBeLessThan(3 * Math.min(...times) + 2_000);
});

it("is created once when eight processes open a new file at the same moment", async () => {
  await using file = await temporaryFile();
  const startAt = Date.now() + 1_500;

  const children = Array.from({ length: 8 }, () => new Child(script("open"), { path: file.path, startAt }));
  const opened = (await Promise.all(children.map(({ done }) => done))).flat();

  await using store = await openSqliteEventStore({ path: file.path });
  expect(await readLog(store)).toHaveLength(8);
  const identity = await store.identity();
  expect(
    opened.map((line) => line !== null && typeof line === "object" && "identity" in line && line.identity),
  ).toStrictEqual(Array.from({ length: 8 }, () => identity));
});

it("notices what another store on the file appended to a stream that it believes to know", async () => {
  await using file = await temporaryFile();
  await using mine = await openSqliteEventStore({ path: file.path });
  await using other = await openSqliteEventStore({ path: file.path });
  const first = writeOf("a-1", 0, 20);
  await mine.append(first);
  const foreign = writeOf("a-1", 20, 3);
  await other.append(foreign);

  const stale = [mine.append(writeOf("a-1", 20, 17)), mine.append(writeOf("b-1", 0, 17)), mine.append(first)];

  await expect(stale[0]).rejects.toMatchObject({ code: "ES_CONCURRENCY", expected: 20, actual: 23 });
  await expect(stale[1]).resolves.toMatchObject({ versions: [17] });
  await expect(stale[2]).resolves.toMatchObject({ versions: [20], duplicate: true });
  await expect(mine.append(writeOf("a-1", 23, 5))).resolves.toMatchObject({ versions: [28] });
  const stored = await readLog(other);
  expect(stored.map(({ streamId, version }) => `${streamId} ${version}`)).toStrictEqual([
    ...Array.from({ length: 23 }, (_, index) => `a-1 ${index + 1}`),
    ...Array.from({ length: 17 }, (_, index) => `b-1 ${index + 1}`),
    ...Array.from({ length: 5 }, (_, index) => `a-1 ${index + 24}`),
  ]);
});
