import type { EventStore } from "@es/core";
import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { LiveReader } from "../live-reader.ts";
import { idsOf, writeOf } from "../new-events.ts";
import { collect, logIds } from "../reading.ts";
import { errorOf, expectEmpty, expectRefusal } from "../refusal.ts";
import { isEventSourcingError } from "@es/core";

/** Every call there is, given these options. */
function allCalls(
  store: EventStore<unknown>,
  options: { readonly signal?: AbortSignal },
): readonly (() => Promise<unknown>)[] {
  return [
    () => store.append(writeOf("a-1", "any"), options),
    () => collect(store.readStream("a-1", options)),
    () => collect(store.readAll(options)),
    () => collect(store.readAll({ ...options, live: true })),
    () => store.head(options),
    () => store.identity(options),
    () => store.registers.get("k", options),
    () => store.registers.set("k", "x", options),
    () => store.registers.delete("k", options),
    () => collect(store.registers.keys("", options)),
  ];
}

/** Closing and aborting, in every state. */
export const lifecycleCases: readonly ConformanceCase[] = [
  {
    id: "lifecycle.close-unused",
    rule: "a store that was never used closes, and closing again does nothing",
    async run({ openOther, within }) {
      const store = await openOther();
      await within(Promise.resolve(store[Symbol.asyncDispose]()), "the first closing");
      await within(Promise.resolve(store[Symbol.asyncDispose]()), "the second closing");
    },
  },
  {
    id: "lifecycle.calls-after-close",
    rule: "after closing, every call ends with StoreClosedError",
    async run({ store, within }) {
      await store.append(writeOf("a-1", "any", 2));
      await store[Symbol.asyncDispose]();

      for (const call of allCalls(store, {})) {
        await expectRefusal(within(call(), "a call on a closed store"), "ES_STORE_CLOSED", { retryable: false });
      }
    },
  },
  {
    id: "lifecycle.close-wakes-readers",
    rule: "closing ends every live read that waits with StoreClosedError",
    async run({ store, until, within }) {
      await store.append(writeOf("a-1", "any"));
      const readers = [new LiveReader(store), new LiveReader(store, { filter: { types: ["None"] } })];
      for (const reader of readers) await until(() => reader.isCaughtUp, "the reader to wait");

      await within(Promise.resolve(store[Symbol.asyncDispose]()), "the store to close");

      for (const reader of readers) {
        const ended = await within(reader.ended, "a waiting reader to end");
        await expectRefusal(Promise.reject(ended), "ES_STORE_CLOSED");
      }
    },
  },
  {
    id: "lifecycle.close-during-read",
    rule: "closing between two pages ends a read with StoreClosedError instead of the next page",
    async run({ store, within }) {
      await store.append(writeOf("a-1", "any", 6));
      const log = store.readAll({ pageSize: 2 })[Symbol.asyncIterator]();
      const stream = store.readStream("a-1", { pageSize: 2 })[Symbol.asyncIterator]();
      await within(Promise.all([log.next(), stream.next()]), "the first pages");

      await store[Symbol.asyncDispose]();

      await expectRefusal(within(log.next(), "the log after closing"), "ES_STORE_CLOSED");
      await expectRefusal(within(stream.next(), "the stream after closing"), "ES_STORE_CLOSED");
    },
  },
  {
    id: "lifecycle.close-during-appends",
    rule: "appends under way when the store closes are stored or refused with StoreClosedError; none hangs",
    async run({ store, within }) {
      const appends = Array.from({ length: 50 }, (_, n) => store.append(writeOf(`a-${n % 5}`, "any", 2)));
      const settled = Promise.allSettled(appends);

      await within(Promise.resolve(store[Symbol.asyncDispose]()), "the store to close");

      for (const outcome of await within(settled, "50 appends to settle")) {
        if (outcome.status === "fulfilled") expect(outcome.value.duplicate).toBe(false);
        else await expectRefusal(Promise.reject(outcome.reason), "ES_STORE_CLOSED");
      }
    },
  },
  {
    id: "lifecycle.aborted-before",
    rule: "a call with a signal that has aborted is refused with AbortedError, and nothing is written",
    async run({ store, within }) {
      const reason = new Error("the request ended");
      const signal = AbortSignal.abort(reason);

      for (const call of allCalls(store, { signal })) {
        const fields = { retryable: false, cause: reason };
        await expectRefusal(within(call(), "an aborted call"), "ES_ABORTED", fields);
      }

      await expectEmpty(store);
      expect(await store.registers.get("k")).toBeUndefined();
    },
  },
  {
    id: "lifecycle.abort-during-read",
    rule: "aborting between two pages ends a read with AbortedError instead of the next page",
    async run({ store, within }) {
      await store.append(writeOf("a-1", "any", 6));
      const controller = new AbortController();
      const options = { pageSize: 2, signal: controller.signal };
      const log = store.readAll(options)[Symbol.asyncIterator]();
      const stream = store.readStream("a-1", options)[Symbol.asyncIterator]();
      await within(Promise.all([log.next(), stream.next()]), "the first pages");

      controller.abort();

      await expectRefusal(within(log.next(), "the log after the abort"), "ES_ABORTED");
      await expectRefusal(within(stream.next(), "the stream after the abort"), "ES_ABORTED");
    },
  },
  {
    id: "lifecycle.abort-during-appends",
    rule: "an append that is aborted after the call is stored, or refused with AbortedError and not stored",
    async run({ store, within }) {
      const controller = new AbortController();
      const writes = Array.from({ length: 30 }, (_, n) => writeOf(`a-${n}`, "no-stream", 2));
      const appends = writes.map((write) => store.append(write, { signal: controller.signal }));
      const settled = Promise.allSettled(appends);

      controller.abort();

      const outcomes = await within(settled, "30 appends to settle");
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") await expectRefusal(Promise.reject(outcome.reason), "ES_ABORTED");
      }
      const stored = writes.filter((_, index) => outcomes[index]?.status === "fulfilled");
      expect((await logIds(store)).toSorted()).toStrictEqual(stored.flatMap(idsOf).toSorted());
    },
  },
  {
    id: "lifecycle.abort-is-for-one-call",
    rule: "aborting one call ends no other",
    async run({ store, until, within }) {
      const staying = new LiveReader(store);
      const leaving = new LiveReader(store);
      await until(() => staying.isCaughtUp && leaving.isCaughtUp, "both readers");

      const error = await within(leaving.stop(), "the aborted reader");
      const write = writeOf("a-1", "any");
      await store.append(write);
      await until(() => staying.has(write.events[0]?.id), "the event after the abort");
      await staying.stop();

      expect(isEventSourcingError(error, "ES_ABORTED")).toBe(true);
      expect(staying.ids).toStrictEqual(idsOf(write));
    },
  },
  {
    id: "lifecycle.unused-iterators",
    rule: "a read that is never begun does nothing, and its store closes",
    async run({ store, within }) {
      store.readAll({ live: true });
      store.readStream("a-1");
      store.readAll({ live: true })[Symbol.asyncIterator]();

      await within(Promise.resolve(store[Symbol.asyncDispose]()), "the store to close");
      expect(isEventSourcingError(await errorOf(store.head()), "ES_STORE_CLOSED")).toBe(true);
    },
  },
];
