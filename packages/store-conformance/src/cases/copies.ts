import type { NewEvent } from "@es/core";
import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { happened } from "../new-events.ts";
import { readLog, readPages, readStream } from "../reading.ts";

interface Loose {
  list: number[];
  inner: { text: string };
}

function loose(): Loose {
  return { list: [1, 2], inner: { text: "before" } };
}

function spoil(value: Loose): void {
  value.list.push(99);
  value.inner.text = "after";
}

/** Changes everything inside a value that came out of a store, as far as it lets itself be changed. */
function spoilDeep(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const member of Object.values(value)) spoilDeep(member);
  if (Array.isArray(value)) value.length = 0;
  for (const key of Object.keys(value)) Reflect.deleteProperty(value, key);
  Reflect.set(value, "spoilt", true);
}

function freezeDeep(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const member of Object.values(value)) freezeDeep(member);
  Object.freeze(value);
}

/** That the store and its callers share no objects. */
export const copiesCases: readonly ConformanceCase[] = [
  {
    id: "copies.input-not-changed",
    rule: "an append leaves the caller's objects as they were, and takes frozen ones",
    async run({ store }) {
      const events = [happened(1, { data: loose(), metadata: { a: [1] } }), { type: "Bare", data: {} }];
      const write = { streamId: "a-1", expected: 0, events };
      const before = structuredClone(write);

      await store.append(write);

      expect(write).toStrictEqual(before);
      const frozen = { ...before, streamId: "a-2" };
      freezeDeep(frozen);
      expect((await store.append(frozen)).versions).toStrictEqual([2]);
    },
  },
  {
    id: "copies.input-after-append",
    rule: "changing an object after its append was answered changes nothing that is stored",
    async run({ store }) {
      const data = loose();
      const meta = loose();
      const tags: string[] = [];
      const events: NewEvent[] = [happened(1, { data, metadata: { list: meta.list, inner: meta.inner }, tags })];
      await store.append({ streamId: "a-1", expected: "any", events });

      spoil(data);
      spoil(meta);
      tags.push("late");
      events.push(happened(2));

      const stored = (await readStream(store, "a-1")).map((event) => [event.data, event.metadata, event.tags]);
      expect(stored).toStrictEqual([[loose(), loose(), []]]);
    },
  },
  {
    id: "copies.input-during-append",
    rule: "changing an object while its append is under way changes nothing that is stored",
    async run({ store }) {
      const data = loose();
      const events: NewEvent[] = [happened(1, { data })];
      const append = store.append({ streamId: "a-1", expected: "any", events });

      spoil(data);
      events.push(happened(2));
      await append;

      expect((await readStream(store, "a-1")).map((event) => event.data)).toStrictEqual([loose()]);
    },
  },
  {
    id: "copies.output",
    rule: "a reader may change what it was given; later readers get what was stored",
    async run({ store }) {
      const event = happened(1, { data: loose(), metadata: { a: { b: [1] } } });
      await store.append({ streamId: "a-1", expected: "any", events: [event, happened(2)] });
      const expected = structuredClone(await readStream(store, "a-1"));

      for (const stored of await readStream(store, "a-1")) spoilDeep(stored);
      for (const stored of await readLog(store)) spoilDeep(stored);
      for (const page of await readPages(store)) spoilDeep(page.events);

      expect(await readStream(store, "a-1")).toStrictEqual(expected);
      expect(await readLog(store)).toStrictEqual(expected);
    },
  },
  {
    id: "copies.tags",
    rule: "tags are copied on their way in and out",
    needs: "conditions",
    async run({ store }) {
      const tags = ["one"];
      await store.append({ streamId: "a-1", expected: "any", events: [happened(1, { tags })] });
      tags.push("two");
      for (const stored of await readStream(store, "a-1")) spoilDeep(stored.tags);

      expect((await readStream(store, "a-1")).map((event) => event.tags)).toStrictEqual([["one"]]);
    },
  },
];
