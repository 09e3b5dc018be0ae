import { type AppendResult, ConcurrencyError, ConditionFailedError, isEventSourcingError, type Write } from "@es/core";
import type { BrokenStore } from "../broken-store.ts";
import { delegate, idsIn, listOf, versionOf } from "../delegate.ts";

/** A store that answers a recognised repetition in another way. */
function answering(
  fault: string,
  rejectedBy: readonly string[],
  answer: (first: AppendResult, writes: readonly Write[]) => Promise<AppendResult> | AppendResult,
): BrokenStore {
  return {
    fault,
    rejectedBy,
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const result = await store.append(writes, options);
          return result.duplicate ? answer(result, listOf(writes)) : result;
        },
      }),
  };
}

function conflict(writes: readonly Write[], actual = 0): never {
  const [{ streamId, expected } = { streamId: "", expected: "any" as const }] = writes;
  throw new ConcurrencyError({ streamId, expected, actual });
}

/** Stores that get a repeated append wrong. */
export const brokenRetries: readonly BrokenStore[] = [
  answering(
    "reports a conflict when the first attempt was stored",
    [
      "retry.version-0",
      "retry.version-3",
      "retry.no-stream",
      "retry.at-once",
      "retry.multi-stream",
      "properties.model",
    ],
    (_first, writes) => conflict(writes),
  ),
  answering(
    "does not say that the append was a repetition",
    ["retry.version-0", "retry.version-3", "retry.no-stream", "retry.at-once"],
    (first) => ({ ...first, duplicate: false }),
  ),
  answering("does not recognise a repetition over several streams", ["retry.multi-stream"], (first, writes) =>
    writes.length > 1 ? conflict(writes) : first,
  ),
  {
    fault: "stores the events again when an append is repeated",
    rejectedBy: ["retry.version-0", "retry.version-3", "retry.no-stream", "retry.after-others-version"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const result = await store.append(writes, options);
          if (result.duplicate)
            await store.append(listOf(writes).map((write) => ({ ...write, expected: "any" as const })));
          return result;
        },
      }),
  },
  {
    fault: "recognises a repetition only while its events are the newest of the stream",
    rejectedBy: ["retry.after-others-version", "retry.after-others-no-stream"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const result = await store.append(writes, options);
          for (const [index, { streamId }] of listOf(writes).entries()) {
            const actual = await versionOf(store, streamId);
            if (result.duplicate && actual !== result.versions[index]) conflict(listOf(writes), actual);
          }
          return result;
        },
      }),
  },
  {
    fault: "answers a repetition with today's head and versions",
    rejectedBy: ["retry.after-others-version", "retry.after-others-no-stream", "retry.multi-stream"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const result = await store.append(writes, options);
          if (!result.duplicate) return result;
          const versions = await Promise.all(listOf(writes).map(({ streamId }) => versionOf(store, streamId)));
          return { versions, position: await store.head(), duplicate: true };
        },
      }),
  },
  {
    fault: "takes every append whose first id is known for a repetition",
    rejectedBy: ["retry.any-is-new", "retry.partial-overlap", "retry.same-ids-other-stream"],
    breakStore: (store) => {
      const known = new Map<string | undefined, AppendResult>();
      return delegate(store, {
        append: async (writes, options) => {
          const id = listOf(writes)[0]?.events[0]?.id;
          const first = known.get(id);
          if (first !== undefined) return { ...first, duplicate: true };
          const result = await store.append(writes, options);
          known.set(id, result);
          return result;
        },
      });
    },
  },
  {
    fault: "takes a partial overlap for a repetition",
    rejectedBy: ["retry.partial-overlap"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          try {
            return await store.append(writes, options);
          } catch (error) {
            const [write] = listOf(writes);
            if (!isEventSourcingError(error, "ES_CONCURRENCY") || write === undefined) throw error;
            const stored = await idsIn(store, write.streamId);
            if (!write.events.some(({ id }) => stored.includes(id ?? ""))) throw error;
            return { position: await store.head(), versions: [stored.length], duplicate: true };
          }
        },
      }),
  },
  {
    fault: "takes the same content for a repetition, whatever the ids",
    rejectedBy: ["retry.same-content-other-ids"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          try {
            return await store.append(writes, options);
          } catch (error) {
            const [write] = listOf(writes);
            if (write?.expected !== "no-stream") throw error;
            const stored = [];
            for await (const events of store.readStream(write.streamId)) stored.push(...events.map(({ data }) => data));
            const given = write.events.map(({ data }) => data);
            if (JSON.stringify(stored) !== JSON.stringify(given)) throw error;
            return { position: await store.head(), versions: [stored.length], duplicate: true };
          }
        },
      }),
  },
  {
    fault: "completes an append over several streams that is half stored",
    rejectedBy: ["retry.multi-stream-partial"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          try {
            return await store.append(writes, options);
          } catch (error) {
            const list = listOf(writes);
            if (!isEventSourcingError(error, "ES_CONCURRENCY") || list.length < 2) throw error;
            const results = [];
            for (const write of list) results.push(await store.append(write, options));
            const versions = results.flatMap((result) => result.versions);
            return { position: await store.head(), versions, duplicate: true };
          }
        },
      }),
  },
  {
    fault: "lets a repeated append fail on a condition that its own events break",
    rejectedBy: ["retry.condition"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const result = await store.append(writes, options);
          if (!result.duplicate || options?.if === undefined) return result;
          throw new ConditionFailedError({ condition: options.if, position: result.position });
        },
      }),
  },
  {
    fault: "takes a conditional append of which one event is stored for a repetition",
    rejectedBy: ["retry.condition-partial"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          try {
            return await store.append(writes, options);
          } catch (error) {
            const [write] = listOf(writes);
            if (!isEventSourcingError(error, "ES_CONDITION_FAILED") || write === undefined) throw error;
            const stored = await idsIn(store, write.streamId);
            if (!stored.includes(write.events[0]?.id ?? "")) throw error;
            return { position: await store.head(), versions: [stored.length], duplicate: true };
          }
        },
      }),
  },
];
