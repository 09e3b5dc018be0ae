import { createMemoryEventStore } from "@es/store-memory";
import type { BrokenStore } from "../broken-store.ts";
import { delegate } from "../delegate.ts";

const commonStore = createMemoryEventStore();

/** Stores that say something untrue about themselves. */
export const brokenDeclarations: readonly BrokenStore[] = [
  {
    fault: "claims a durability that it does not have",
    rejectedBy: ["declaration.equals-capabilities"],
    breakStore: (store) => delegate(store, { capabilities: { ...store.capabilities, durability: "fsync" } }),
  },
  {
    fault: "gives no reasons for what it cannot do",
    rejectedBy: ["declaration.gaps-have-reasons"],
    breakStore: (store) => delegate(store, { capabilities: { ...store.capabilities, gaps: {} } }),
  },
  {
    fault: "has a limit that no append can meet",
    rejectedBy: ["declaration.limits", "declaration.equals-capabilities"],
    breakStore: (store) => delegate(store, { capabilities: { ...store.capabilities, maxEventsPerAppend: 0 } }),
  },
  {
    fault: "has the same identity as every other store of its kind",
    rejectedBy: ["declaration.identity"],
    breakStore: (store) => delegate(store, { identity: async () => "memory" }),
  },
  {
    fault: "shares its data with every other store in the process",
    rejectedBy: ["declaration.stores-are-apart"],
    breakStore: () => delegate(commonStore, { [Symbol.asyncDispose]: async () => undefined }),
  },
  {
    fault: "ignores a transaction that it cannot take part in",
    rejectedBy: ["declaration.no-transactions"],
    breakStore: (store) =>
      delegate(store, {
        append: (writes, { tx: _tx, ...options } = {}) => store.append(writes, options),
      }),
  },
  {
    fault: "takes two streams in one append although it declares one",
    rejectedBy: ["multi-stream.undeclared"],
    base: "limited",
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          let result = { position: "", versions: [0], duplicate: false };
          for (const write of [writes].flat()) {
            const { versions, ...rest } = await store.append(write, options);
            result = { ...rest, versions: [...result.versions, ...versions] };
          }
          return { ...result, versions: result.versions.slice(1) };
        },
      }),
  },
  {
    fault: "ignores a condition that it cannot check",
    rejectedBy: ["conditions.undeclared"],
    base: "limited",
    breakStore: (store) =>
      delegate(store, { append: (writes, { if: _condition, ...options } = {}) => store.append(writes, options) }),
  },
  {
    fault: "drops tags that it cannot keep",
    rejectedBy: ["conditions.undeclared"],
    base: "limited",
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const untagged = [writes].flat().map((write) => ({
            ...write,
            events: write.events.map(({ tags: _tags, ...event }) => event),
          }));
          return store.append(untagged, options);
        },
      }),
  },
];
