import type { EventFilter, EventStore, RecordedEvent } from "@es/core";
import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { appendAll, happened, untyped } from "../new-events.ts";
import { collect, readLog, readPages } from "../reading.ts";
import { expectRefusal } from "../refusal.ts";

/** Which of the numbered events each filter means; the events are those of {@link fill}. */
const ROWS: readonly (readonly [filter: EventFilter, numbers: readonly number[]])[] = [
  [{}, [1, 2, 3, 4, 5, 6, 7, 8]],
  [{ types: ["Opened"] }, [1, 3, 7]],
  [{ types: ["Opened", "Closed"] }, [1, 2, 3, 7, 8]],
  [{ types: ["opened"] }, []],
  [{ types: ["Open"] }, []],
  [{ categories: ["order"] }, [1, 2, 4, 8]],
  [{ categories: ["order", "cart"] }, [1, 2, 3, 4, 6, 8]],
  [{ categories: ["ord"] }, []],
  [{ categories: ["order-1"] }, []],
  [{ categories: ["orders"] }, [5]],
  [{ types: ["Opened"], categories: ["order"] }, [1]],
  [{ types: ["Opened", "Paid"], categories: ["cart", "orders", "single"] }, [3, 5, 6, 7]],
  [[{ types: ["Opened"] }], [1, 3, 7]],
  [
    [{ types: ["Closed"] }, { categories: ["cart"] }],
    [2, 3, 6, 8],
  ],
  [
    [{ types: ["Opened"] }, { types: ["Opened"] }],
    [1, 3, 7],
  ],
  [
    [
      { types: ["Opened"], categories: ["cart"] },
      { types: ["Closed"], categories: ["order"] },
    ],
    [2, 3, 8],
  ],
  [
    [{ types: ["None"] }, {}],
    [1, 2, 3, 4, 5, 6, 7, 8],
  ],
];

async function fill(store: EventStore<unknown>): Promise<readonly RecordedEvent[]> {
  const rows = [
    ["order-1", "Opened"],
    ["order-1", "Closed"],
    ["cart-1", "Opened"],
    ["order-2", "Paid"],
    ["orders-1", "Paid"],
    ["cart-1", "Paid"],
    ["single", "Opened"],
    ["order-1-cart", "Closed"],
  ] as const;
  for (const [index, [streamId, type]] of rows.entries()) {
    await store.append({ streamId, expected: "any", events: [happened(index + 1, { type })] });
  }
  return readLog(store);
}

/** Reading the log through a filter. Tags are with the conditions. */
export const filterCases: readonly ConformanceCase[] = [
  {
    id: "filter.queries",
    rule: "members of a query are combined with AND, their entries and the queries with OR, and names match whole and exactly",
    async run({ store }) {
      const log = await fill(store);

      for (const [filter, numbers] of ROWS) {
        for (const pageSize of [1, 2, 100]) {
          const found = await readLog(store, { filter, pageSize });
          expect(found, JSON.stringify(filter)).toStrictEqual(numbers.map((number) => log[number - 1]));
        }
      }
    },
  },
  {
    id: "filter.with-after-and-limit",
    rule: "a filter goes together with `after` and `limit`, and `limit` counts what passed the filter",
    async run({ store }) {
      const log = await fill(store);

      for (const [filter, numbers] of ROWS) {
        for (const start of [0, 1, 4, 8]) {
          for (const limit of [1, 2, 5]) {
            const after = log[start - 1]?.position ?? "";
            const expected = numbers.filter((number) => number > start).slice(0, limit);
            const found = await readLog(store, { filter, after, limit, pageSize: 2 });
            expect(found).toStrictEqual(expected.map((number) => log[number - 1]));
          }
        }
      }
    },
  },
  {
    id: "filter.next-passes-over",
    rule: "`next` moves over events that the filter leaves out, up to the head",
    async run({ store }) {
      await fill(store);
      const head = await store.head();

      for (const filter of [{ types: ["None"] }, { categories: ["cart"] }, { types: ["Opened"] }]) {
        for (const pageSize of [1, 2, 100]) {
          const pages = await readPages(store, { filter, pageSize });
          expect(pages.at(-1)?.next).toBe(head);
          expect(pages.map(({ isCaughtUp }) => isCaughtUp)).toStrictEqual(pages.map(({ next }) => next === head));
        }
      }
    },
  },
  {
    id: "filter.next-misses-nothing",
    rule: "reading on from any `next` of a filtered read gives exactly the matching events that were not yet shown",
    async run({ store }) {
      const log = await fill(store);

      for (const [filter, numbers] of ROWS) {
        for (const limit of [1, 2, 3]) {
          const pages = await readPages(store, { filter, limit, pageSize: 2 });
          let seen = 0;
          for (const { events, next } of pages) {
            seen += events.length;
            const rest = await readLog(store, { filter, after: next });
            expect(rest).toStrictEqual(numbers.slice(seen).map((number) => log[number - 1]));
          }
        }
      }
    },
  },
  {
    id: "filter.sparse",
    rule: "three matching events among a thousand are found, and the whole stretch is scanned",
    async run({ store }) {
      for (let block = 0; block < 4; block += 1) {
        const noise = Array.from({ length: 250 }, (_, n) => happened(n));
        const events = block === 3 ? noise : [...noise, happened(block, { type: "Rare" })];
        await appendAll(store, `a-${block}`, events);
      }

      const pages = await readPages(store, { filter: { types: ["Rare"] }, pageSize: 10 });

      expect(pages.flatMap(({ events }) => events.map(({ data }) => data))).toStrictEqual([
        { n: 0 },
        { n: 1 },
        { n: 2 },
      ]);
      expect(pages.at(-1)).toMatchObject({ next: await store.head(), isCaughtUp: true });
      expect(pages.filter(({ isCaughtUp }) => isCaughtUp)).toHaveLength(1);
    },
  },
  {
    id: "filter.refuses-empty-lists",
    rule: "a filter without queries, or a query with an empty list, is refused, because it could mean all as well as none",
    async run({ store }) {
      await fill(store);
      const filters: readonly EventFilter[] = [
        [],
        { types: [] },
        { categories: [] },
        { tags: [] },
        [{ types: ["Opened"] }, { categories: [] }],
      ];

      for (const filter of filters) {
        await expectRefusal(collect(store.readAll({ filter })), "ES_CONFIGURATION");
      }
      await expectRefusal(collect(store.readAll({ filter: untyped([]), limit: 0 })), "ES_CONFIGURATION");
    },
  },
];
