import type { JsonValue, NewEvent } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import fc from "fast-check";
import { expect } from "vitest";
import type { ConformanceCase, ConformanceContext } from "../conformance-case.ts";
import { happened, writeOf } from "../new-events.ts";
import { compare } from "../programs/compare.ts";
import { Model } from "../programs/model.ts";
import { steps } from "../programs/step.ts";
import { StoreAnswerer } from "../programs/store-answerer.ts";
import { readLog, readPages, readStream } from "../reading.ts";

const PROPERTY_LIMIT_MS = 120_000;

/** Holds the property for as many random examples as the options say; a failure names the smallest counter-example found. */
async function holds<Example>(
  { propertyRuns }: ConformanceContext,
  examples: fc.Arbitrary<Example>,
  property: (example: Example, run: number) => Promise<void>,
): Promise<void> {
  let run = 0;
  const check = fc.asyncProperty(examples, async (example) => {
    run += 1;
    await property(example, run);
  });
  await fc.assert(check, { numRuns: propertyRuns });
}

/** Rules that must hold for every example, tried on random ones. */
export const propertyCases: readonly ConformanceCase[] = [
  {
    id: "properties.model",
    rule: "random programs of appends, repetitions, reads and registers give the answers of a model made of plain lists",
    timeoutMs: PROPERTY_LIMIT_MS,
    async run(context) {
      const { store, declares } = context;
      await holds(context, steps(declares), async (taken, run) => {
        await compare(taken, `p${run}.`, new Model(), await StoreAnswerer.begin(store));
      });
    },
  },
  {
    id: "properties.differential",
    rule: "random programs give the same answers, streams and logs as the memory store",
    timeoutMs: PROPERTY_LIMIT_MS,
    async run(context) {
      const { store, declares } = context;
      await using reference = createMemoryEventStore();
      await holds(context, steps(declares), async (taken, run) => {
        const expected = await StoreAnswerer.begin(reference);
        await compare(taken, `d${run}.`, expected, await StoreAnswerer.begin(store));
      });
    },
  },
  {
    id: "properties.json",
    rule: "any JSON value comes back as it was, as data and in metadata",
    timeoutMs: PROPERTY_LIMIT_MS,
    async run(context) {
      const { store } = context;
      const unit = fc.oneof(
        fc.constant("\u0000"),
        fc.constant("\ud83d"),
        fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
      );
      const value = fc.oneof(
        fc.jsonValue({ stringUnit: "binary" }),
        fc.string({ unit }),
        fc.dictionary(fc.string({ unit }), fc.double()),
      );
      const json = value.map((found): JsonValue => JSON.parse(JSON.stringify(found)));
      await holds(context, fc.array(json, { minLength: 1, maxLength: 8 }), async (values, run) => {
        const events = values.map((data): NewEvent => happened(0, { data, metadata: { value: data } }));
        await store.append({ streamId: `json-${run}`, expected: "no-stream", events });

        const stored = await readStream(store, `json-${run}`);

        expect(stored.map(({ data }) => JSON.stringify(data))).toStrictEqual(values.map((one) => JSON.stringify(one)));
        expect(stored.map(({ metadata }) => JSON.stringify(metadata["value"]))).toStrictEqual(
          values.map((one) => JSON.stringify(one)),
        );
      });
    },
  },
  {
    id: "properties.pages",
    rule: "the log reads the same in pages of any size, and on from any page's `next`",
    timeoutMs: PROPERTY_LIMIT_MS,
    async run(context) {
      const { store } = context;
      for (let n = 0; n < 12; n += 1) {
        const events = Array.from({ length: (n % 5) + 1 }, (_, index) =>
          happened(index, { type: `T${(n * index) % 4}` }),
        );
        await store.append({ streamId: `s${n % 3}-${n % 4}`, expected: "any", events });
      }
      const log = await readLog(store);
      const example = fc.record({
        pageSize: fc.integer({ min: 1, max: 40 }),
        start: fc.nat(log.length),
        stop: fc.nat(20),
        types: fc.option(fc.subarray(["T0", "T1", "T2", "T3", "none"], { minLength: 1 }), { nil: undefined }),
      });
      await holds(context, example, async ({ pageSize, start, stop, types }) => {
        const options = types === undefined ? { pageSize } : { pageSize, filter: { types } };
        const expected = log.slice(start).filter(({ type }) => types?.includes(type) ?? true);
        const pages = await readPages(store, { ...options, after: log[start - 1]?.position ?? "" });
        expect(pages.flatMap(({ events }) => events)).toStrictEqual(expected);

        // Where a reader would have stopped and come back.
        const some = pages.slice(0, stop);
        const after = some.at(-1)?.next ?? log[start - 1]?.position ?? "";
        const rest = await readLog(store, { ...options, after });
        expect([...some.flatMap(({ events }) => events), ...rest]).toStrictEqual(expected);
      });
    },
  },
  {
    id: "properties.forward-backward",
    rule: "a stream read backward is the stream read forward, turned round",
    timeoutMs: PROPERTY_LIMIT_MS,
    async run(context) {
      const { store } = context;
      await store.append(writeOf("a-1", "any", 20));
      const pageSize = fc.integer({ min: 1, max: 25 });
      const example = fc.record({ from: fc.nat(25), to: fc.nat(25), pageSize, otherPageSize: pageSize });
      await holds(context, example, async ({ otherPageSize, ...options }) => {
        const forward = await readStream(store, "a-1", options);
        const backward = await readStream(store, "a-1", { ...options, pageSize: otherPageSize, direction: "backward" });

        expect(backward).toStrictEqual(forward.toReversed());
        expect(forward.map(({ version }) => version)).toStrictEqual(
          Array.from({ length: 20 }, (_, index) => index + 1).filter((v) => v >= options.from && v <= options.to),
        );
      });
    },
  },
];
