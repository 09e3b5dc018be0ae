import type { AppendResult, EventStore, ExpectedVersion, Write } from "@es/core";
import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { LiveReader } from "../live-reader.ts";
import { nextTurn } from "../next-turn.ts";
import { happened, idsOf, writeOf } from "../new-events.ts";
import { logIds, readLog, streamIds } from "../reading.ts";
import { expectRefusal } from "../refusal.ts";

const WRITERS = 16;
/** Each round of a race has a winner, so no writer can lose more often than there are others. */
const MOST_ATTEMPTS = 10 * WRITERS;

/** Lets all stores append at once, and says which writes were answered as stored. Any refusal must be a conflict. */
async function race(stores: readonly EventStore<unknown>[], writes: readonly Write[]): Promise<readonly Write[]> {
  const append = async (write: Write, index: number): Promise<AppendResult> => {
    const store = stores[index % stores.length];
    return store === undefined ? expect.fail("there is no store to race on") : store.append(write);
  };
  const outcomes = await Promise.allSettled(writes.map(append));
  const stored: Write[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    const write = writes[index];
    if (write === undefined) continue;
    if (outcome.status === "fulfilled") {
      expect(outcome.value.duplicate).toBe(false);
      stored.push(write);
    } else {
      const fields = { streamId: write.streamId, expected: write.expected };
      await expectRefusal(Promise.reject(outcome.reason), "ES_CONCURRENCY", fields);
    }
  }
  return stored;
}

const RACES = [
  { id: "number", expected: 3, existing: 3, winners: 1 },
  { id: "zero", expected: 0, existing: 0, winners: 1 },
  { id: "no-stream", expected: "no-stream", existing: 0, winners: 1 },
  { id: "any", expected: "any", existing: 0, winners: WRITERS },
  { id: "stream-exists", expected: "stream-exists", existing: 1, winners: WRITERS },
] as const satisfies readonly { id: string; expected: ExpectedVersion; existing: number; winners: number }[];

function raceCases(from: "one instance" | "two instances"): readonly ConformanceCase[] {
  return RACES.map(({ id, expected, existing, winners }) => ({
    id: `concurrency.race-${id}${from === "one instance" ? "" : "-two-instances"}`,
    rule: `of ${WRITERS} writers through ${from} that expect ${JSON.stringify(expected)}, ${winners === 1 ? "exactly one wins" : "all win"}; counted in the store`,
    ...(from === "two instances" ? { needs: "shared" as const } : {}),
    timeoutMs: 30_000,
    async run({ store, openAgain, within }) {
      const stores = from === "one instance" ? [store] : [store, await openAgain()];
      for (let round = 0; round < 5; round += 1) {
        const streamId = `a-${round}`;
        if (existing > 0) await store.append(writeOf(streamId, "any", existing));
        const writes = Array.from({ length: WRITERS }, (_, index) => writeOf(streamId, expected, (index % 3) + 1));

        const stored = await within(race(stores, writes), `${WRITERS} writers`);

        expect(stored).toHaveLength(winners);
        const ids = (await streamIds(store, streamId)).slice(existing);
        expect(ids.toSorted()).toStrictEqual(stored.flatMap(idsOf).toSorted());
        // The events of one write stand together, whoever else was writing.
        const starts = stored.map(({ events }) => ids.indexOf(events[0]?.id ?? ""));
        for (const [index, write] of stored.entries()) {
          const start = starts[index] ?? 0;
          expect(ids.slice(start, start + write.events.length)).toStrictEqual(idsOf(write));
        }
      }
    },
  }));
}

/** Appends `count` times to streams of its own choice, in batches of 1 to 3, and keeps what was stored. */
async function write(
  store: EventStore<unknown>,
  writer: number,
  count: number,
  stored: Map<string, AppendResult>,
): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const one = writeOf(`s-${(writer + n) % 5}`, "any", (n % 3) + 1);
    const result = await store.append(one);
    for (const id of idsOf(one)) stored.set(id, result);
  }
}

function expectAscendingVersions(events: readonly { readonly streamId: string; readonly version: number }[]): void {
  const versions = new Map<string, number>();
  for (const { streamId, version } of events) {
    expect(version).toBe((versions.get(streamId) ?? 0) + 1);
    versions.set(streamId, version);
  }
}

/** What many writers and readers at once must not disturb. */
export const concurrencyCases: readonly ConformanceCase[] = [
  ...raceCases("one instance"),
  ...raceCases("two instances"),
  {
    id: "concurrency.losers-retry",
    rule: "16 writers that each read, append and try again on a conflict all get their event in, each once",
    timeoutMs: 30_000,
    async run({ store, within }) {
      const increment = async (event: ReturnType<typeof happened>): Promise<void> => {
        for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
          const expected = (await streamIds(store, "a-1")).length;
          try {
            await store.append({ streamId: "a-1", expected, events: [event] });
            return;
          } catch (error) {
            await expectRefusal(Promise.reject(error), "ES_CONCURRENCY");
          }
        }
        expect.fail(`lost ${MOST_ATTEMPTS} races in a row`);
      };
      const events = Array.from({ length: WRITERS }, (_, n) => happened(n));

      await within(Promise.all(events.map(increment)), "16 writers");

      expect((await streamIds(store, "a-1")).toSorted()).toStrictEqual(
        idsOf({ streamId: "a-1", expected: "any", events }).toSorted(),
      );
    },
  },
  {
    id: "concurrency.disjoint-streams",
    rule: "writers to different streams never conflict",
    async run({ store, within }) {
      const writer = async (streamId: string): Promise<void> => {
        for (let version = 0; version < 10; version += 1) await store.append(writeOf(streamId, version));
      };

      await within(Promise.all(Array.from({ length: WRITERS }, (_, n) => writer(`a-${n}`))), "16 writers");

      expect(await readLog(store)).toHaveLength(WRITERS * 10);
    },
  },
  {
    id: "concurrency.live-readers",
    rule: "live reads from before, in the middle of and after many writers get what was committed: all, once, in the log's order",
    timeoutMs: 60_000,
    async run({ store, until, within }) {
      const stored = new Map<string, AppendResult>();
      const before = [new LiveReader(store, { pageSize: 3 }), new LiveReader(store)];
      const first = Promise.all([0, 1, 2, 3].map((writer) => write(store, writer, 20, stored)));
      await until(() => stored.size > 20, "the first writers");
      const middle = [new LiveReader(store, { pageSize: 1 }), new LiveReader(store, { pageSize: 50 })];
      const fromMiddle = await store.head();
      const tail = new LiveReader(store, { after: fromMiddle, pageSize: 2 });
      const second = Promise.all([4, 5, 6, 7].map((writer) => write(store, writer, 20, stored)));
      await within(Promise.all([first, second]), "eight writers");
      const marker = happened(0);
      await store.append({ streamId: "marker-1", expected: "no-stream", events: [marker] });

      const readers = [...before, ...middle, tail];
      for (const reader of readers) await until(() => reader.has(marker.id), "the marker");
      await Promise.all(readers.map((reader) => reader.stop()));

      const log = await readLog(store);
      const ids = log.map(({ id }) => id);
      expect(ids.toSorted()).toStrictEqual([...stored.keys(), marker.id ?? ""].toSorted());
      expectAscendingVersions(log);
      for (const reader of [...before, ...middle]) expect(reader.events).toStrictEqual(log);
      expect(tail.events).toStrictEqual(log.filter(({ position }) => position > fromMiddle));
      for (const { id, position } of log) {
        if (id !== marker.id) expect(stored.get(id)?.position.localeCompare(position)).toBeGreaterThanOrEqual(0);
      }
    },
  },
  {
    id: "concurrency.nothing-appears-behind",
    rule: "while many write, every read of the log begins with what the read before showed",
    timeoutMs: 60_000,
    async run({ store, within }) {
      const stored = new Map<string, AppendResult>();
      let isWriting = true;
      const writing = Promise.all([0, 1, 2, 3].map((writer) => write(store, writer, 25, stored))).finally(() => {
        isWriting = false;
      });
      const look = async (): Promise<void> => {
        let seen: readonly string[] = [];
        while (isWriting) {
          const now = await logIds(store, { pageSize: 7 });
          expect(now.slice(0, seen.length)).toStrictEqual(seen);
          seen = now;
          await nextTurn();
        }
      };

      await within(Promise.all([writing, look(), look()]), "four writers and two readers");

      expect((await logIds(store)).toSorted()).toStrictEqual([...stored.keys()].toSorted());
    },
  },
  {
    id: "concurrency.cursor-follows",
    rule: "a reader that goes from `next` to `next` while many write misses nothing and gets nothing twice",
    timeoutMs: 60_000,
    async run({ store, within }) {
      const stored = new Map<string, AppendResult>();
      let isWriting = true;
      const writing = Promise.all([0, 1, 2, 3].map((writer) => write(store, writer, 25, stored))).finally(() => {
        isWriting = false;
      });
      const follow = async (pageSize: number): Promise<readonly string[]> => {
        const ids: string[] = [];
        let after = "";
        for (let isLast = false; !isLast; ) {
          isLast = !isWriting;
          for await (const page of store.readAll({ after, pageSize })) {
            ids.push(...page.events.map(({ id }) => id));
            after = page.next;
          }
          await nextTurn();
        }
        return ids;
      };

      const [, ...followed] = await within(
        Promise.all([writing, follow(1), follow(4), follow(500)]),
        "writers and readers",
      );

      const ids = await logIds(store);
      expect(ids).toHaveLength(stored.size);
      for (const one of followed) expect(one).toStrictEqual(ids);
    },
  },
  {
    id: "concurrency.read-your-write",
    rule: "when an append was answered, every read that begins afterwards shows its events",
    async run({ store, within }) {
      const writer = async (n: number): Promise<void> => {
        for (let version = 0; version < 5; version += 1) {
          const one = writeOf(`a-${n}`, version);
          const { position } = await store.append(one);
          expect((await streamIds(store, `a-${n}`)).at(-1)).toBe(one.events[0]?.id);
          expect((await store.head()) >= position).toBe(true);
          expect(await logIds(store)).toContain(one.events[0]?.id);
        }
      };

      await within(Promise.all(Array.from({ length: 8 }, (_, n) => writer(n))), "eight writers");

      expect(await readLog(store)).toHaveLength(40);
    },
  },
];
