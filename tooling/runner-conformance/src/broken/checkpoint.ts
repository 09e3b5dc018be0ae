import { createMemoryEventStore } from "@es/store-memory";
import type { BrokenRunners } from "../broken-runner.ts";
import { blindRegisters, delegate, delegateRegisters } from "../delegate.ts";
import { overProjection, overStore } from "../own-runners.ts";
import { overOptions } from "../wrap-runner.ts";

/** What can go wrong with checkpoints. */
export const brokenCheckpoints: readonly BrokenRunners[] = [
  {
    fault: "keeps its checkpoint in its own memory",
    rejectedBy: [
      "checkpoint.restart",
      "checkpoint.filtered",
      "checkpoint.rival",
      "control.stop-drains",
      "follow.stops",
    ],
    breakRunners: overOptions(() => ({ checkpoints: createMemoryEventStore().registers })),
  },
  {
    fault: "keeps its checkpoint in the memory of its process",
    rejectedBy: ["checkpoint.reopen"],
    base: "sqlite",
    breakStore: (store) => {
      const { registers } = createMemoryEventStore();
      return delegate(store, { registers });
    },
  },
  {
    fault: "loses every second write of a checkpoint",
    rejectedBy: ["checkpoint.restart", "follow.hand-over"],
    breakStore: (store) => {
      let writes = 0;
      return delegateRegisters(store, {
        set: async (key, value, options) => {
          writes += 1;
          return writes % 2 === 0 ? (options?.expected ?? 0) + 1 : store.registers.set(key, value, options);
        },
      });
    },
  },
  {
    fault: "stores its checkpoint one page late, and the last never",
    rejectedBy: ["checkpoint.restart", "checkpoint.stop-catching-up", "control.stop-drains", "follow.stops"],
    breakRunners: overStore((store) => {
      let last: string | undefined;
      return delegateRegisters(store, {
        set: (key, value, options) => {
          const late = last ?? value;
          last = value;
          return store.registers.set(key, late, options);
        },
      });
    }),
  },
  {
    fault: "stores how far it has read instead of how far it has handled",
    rejectedBy: ["checkpoint.crash-catching-up"],
    breakRunners: overStore((store) => {
      let read = "";
      const ahead = (text: string): string => JSON.stringify({ ...JSON.parse(text), position: read });
      return delegate(
        delegateRegisters(store, {
          set: (key, value, options) => store.registers.set(key, read === "" ? value : ahead(value), options),
        }),
        {
          async *readAll(options) {
            for await (const page of store.readAll(options)) {
              read = page.next;
              yield page;
            }
          },
        },
      );
    }),
  },
  {
    fault: "does not wait for its handlers",
    rejectedBy: ["checkpoint.crash", "outbox.crash"],
    breakRunners: overProjection((projection) => ({
      ...projection,
      apply: async (events, context, progress) => {
        projection.apply(events, context, { handled: 0 }).catch(() => undefined);
        progress.handled = events.length;
      },
    })),
  },
  {
    fault: "moves its checkpoint only when it handled something",
    rejectedBy: ["checkpoint.filtered"],
    breakRunners: overStore((store) =>
      delegateRegisters(store, {
        set: async (key, value, options) => {
          const before = await store.registers.get(key);
          const countOf = (text: string): unknown => Reflect.get(Object(JSON.parse(text)), "events");
          const isIdle = before !== undefined && countOf(before.value) === countOf(value);
          return isIdle ? before.revision : store.registers.set(key, value, options);
        },
      }),
    ),
  },
  {
    fault: "keeps one checkpoint for all projections",
    rejectedBy: ["checkpoint.names"],
    breakRunners: overStore((store) =>
      delegateRegisters(store, {
        get: (_key, options) => store.registers.get("checkpoint:all", options),
        set: (_key, value, options) => store.registers.set("checkpoint:all", value, options),
      }),
    ),
  },
  {
    fault: "says that it was reset, and was not",
    rejectedBy: ["checkpoint.reset"],
    breakStore: (store) => delegateRegisters(store, { delete: async () => true }),
  },
  {
    fault: "rebuilds in another order",
    rejectedBy: ["checkpoint.reset"],
    breakRunners: (() => {
      let runs = 0;
      return overProjection((projection) => {
        runs += 1;
        const isRebuild = runs % 2 === 0;
        return {
          ...projection,
          apply: (events, context, progress) =>
            projection.apply(isRebuild ? events.toReversed() : events, context, progress),
        };
      });
    })(),
  },
  {
    fault: "begins at the beginning, whatever the projection says",
    rejectedBy: ["checkpoint.start"],
    breakRunners: overProjection((projection) => ({ ...projection, from: "beginning" })),
  },
  {
    fault: "forgets where it began when nothing had to be handled",
    rejectedBy: ["checkpoint.start"],
    breakRunners: overStore((store) =>
      delegateRegisters(store, {
        get: async (key, options) => {
          const found = await store.registers.get(key, options);
          if (found === undefined || !found.value.includes('"events":0')) return found;
          await store.registers.delete(key);
          return undefined;
        },
      }),
    ),
  },
  {
    fault: "writes its checkpoint over that of another runner",
    rejectedBy: ["checkpoint.rival", "shared.take-over"],
    breakRunners: overOptions(({ store }) => ({ checkpoints: blindRegisters(store.registers) })),
  },
  {
    fault: "takes every store for the same one",
    rejectedBy: ["mismatch.foreign-store"],
    breakRunners: overStore((store) => delegate(store, { identity: async () => "the store" })),
  },
  {
    fault: "believes a checkpoint ahead of the head",
    rejectedBy: ["mismatch.restored"],
    breakRunners: overStore((store) =>
      delegate(store, {
        head: async () => "~",
        async *readStream(streamId, options) {
          const found = await store.registers.get("checkpoint:notes");
          const last: unknown = Reflect.get(Object(JSON.parse(found?.value ?? "{}")), "last");
          const id: unknown = Reflect.get(Object(last), "id");
          let isFound = false;
          for await (const events of store.readStream(streamId, options)) {
            isFound ||= events.length > 0;
            yield events;
          }
          if (isFound || typeof id !== "string") return;
          const event = { id, type: "Happened", data: {}, metadata: {}, tags: [], streamId, version: 1 };
          yield [{ ...event, position: "", recordedAt: 0 }];
        },
      }),
    ),
  },
  {
    fault: "does not look whether the store still has the last event",
    rejectedBy: ["mismatch.other-history"],
    breakRunners: overStore((store) =>
      delegateRegisters(store, {
        get: async (key, options) => {
          const found = await store.registers.get(key, options);
          if (found === undefined) return found;
          const { last: _last, ...rest } = Object(JSON.parse(found.value));
          return { ...found, value: JSON.stringify(rest) };
        },
      }),
    ),
  },
  {
    fault: "looks only once whose store it reads",
    rejectedBy: ["mismatch.while-running"],
    breakRunners: overStore((store) => {
      const identity = store.identity();
      return delegate(store, { identity: () => identity });
    }),
  },
  {
    fault: "takes a checkpoint that it cannot read for none",
    rejectedBy: ["mismatch.unreadable"],
    breakRunners: overStore((store) =>
      delegateRegisters(store, {
        get: async (key, options) => {
          const found = await store.registers.get(key, options);
          return found?.value.startsWith('{"format":1,') === true ? found : undefined;
        },
        set: (key, value, { expected: _expected, ...options } = {}) => store.registers.set(key, value, options),
      }),
    ),
  },
];
