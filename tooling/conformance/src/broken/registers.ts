import type { BrokenStore } from "../broken-store.ts";
import { delegateRegisters } from "../delegate.ts";

/** Stores that get registers wrong. */
export const brokenRegisters: readonly BrokenStore[] = [
  {
    fault: "never changes a revision",
    rejectedBy: ["registers.set-and-get", "registers.compare-and-set"],
    breakStore: (store) =>
      delegateRegisters(store, {
        get: async (key, options) => {
          const found = await store.registers.get(key, options);
          return found === undefined ? undefined : { ...found, revision: 1 };
        },
        set: async (key, value, options) =>
          (await store.registers.set(key, value, options)) === undefined ? undefined : 1,
      }),
  },
  {
    fault: "ignores the expected revision",
    rejectedBy: ["registers.compare-and-set", "registers.one-winner", "registers.counter", "properties.model"],
    breakStore: (store) =>
      delegateRegisters(store, {
        set: (key, value, { expected: _expected, ...options } = {}) => store.registers.set(key, value, options),
      }),
  },
  {
    fault: "takes an expected revision of 0 for none",
    rejectedBy: ["registers.compare-and-set"],
    breakStore: (store) =>
      delegateRegisters(store, {
        set: (key, value, { expected, ...options } = {}) =>
          store.registers.set(key, value, expected ? { ...options, expected } : options),
      }),
  },
  {
    fault: "deletes whatever the expected revision",
    rejectedBy: ["registers.delete"],
    breakStore: (store) =>
      delegateRegisters(store, {
        delete: (key, { expected: _expected, ...options } = {}) => store.registers.delete(key, options),
      }),
  },
  {
    fault: "says that it deleted what was not there",
    rejectedBy: ["registers.delete", "properties.differential"],
    breakStore: (store) =>
      delegateRegisters(store, {
        delete: async (key, options) => (await store.registers.delete(key, options)) || options?.expected === undefined,
      }),
  },
  {
    fault: "begins to count revisions again after a deletion",
    rejectedBy: ["registers.revision-never-returns"],
    breakStore: (store) => {
      const counts = new Map<string, number>();
      const revisionOf = (key: string): number => counts.get(key) ?? 0;
      return delegateRegisters(store, {
        get: async (key, options) => {
          const found = await store.registers.get(key, options);
          return found === undefined ? undefined : { ...found, revision: revisionOf(key) };
        },
        set: async (key, value, { expected, ...options } = {}) => {
          if (expected !== undefined && expected !== revisionOf(key)) return undefined;
          await store.registers.set(key, value, options);
          counts.set(key, revisionOf(key) + 1);
          return revisionOf(key);
        },
        delete: async (key, { expected, ...options } = {}) => {
          if (expected !== undefined && expected !== revisionOf(key)) return false;
          counts.delete(key);
          return store.registers.delete(key, options);
        },
      });
    },
  },
  {
    fault: "strips U+0000 from values",
    rejectedBy: ["registers.values"],
    breakStore: (store) =>
      delegateRegisters(store, {
        set: (key, value, options) =>
          store.registers.set(key, typeof value === "string" ? value.replaceAll("\u0000", "") : value, options),
      }),
  },
  {
    fault: "ignores case in keys",
    rejectedBy: ["registers.odd-keys"],
    breakStore: (store) => {
      const fold = (key: string): string => (typeof key === "string" ? key.toLowerCase() : key);
      return delegateRegisters(store, {
        get: (key, options) => store.registers.get(fold(key), options),
        set: (key, value, options) => store.registers.set(fold(key), value, options),
      });
    },
  },
  {
    fault: "takes the prefix of keys for a LIKE pattern",
    rejectedBy: ["registers.keys"],
    breakStore: (store) =>
      delegateRegisters(store, {
        async *keys(prefix, options) {
          const escaped = prefix.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
          const pattern = new RegExp(`^${escaped.replaceAll("%", ".*").replaceAll("_", ".")}`, "su");
          for await (const key of store.registers.keys("", options)) if (pattern.test(key)) yield key;
        },
      }),
  },
  {
    fault: "gives a thousand keys at most",
    rejectedBy: ["registers.keys-many"],
    breakStore: (store) =>
      delegateRegisters(store, {
        async *keys(prefix, options) {
          let count = 0;
          for await (const key of store.registers.keys(prefix, options)) {
            if (count === 1_000) return;
            count += 1;
            yield key;
          }
        },
      }),
  },
  {
    fault: "keeps registers as events among the others",
    rejectedBy: ["registers.apart-from-events"],
    breakStore: (store) =>
      delegateRegisters(store, {
        set: async (key, value, options) => {
          await store.append({
            streamId: "registers",
            expected: "any",
            events: [{ type: "RegisterSet", data: { key } }],
          });
          return store.registers.set(key, value, options);
        },
      }),
  },
  {
    fault: "makes text of whatever it is given",
    rejectedBy: ["registers.refuses-nonsense"],
    breakStore: (store) =>
      delegateRegisters(store, { set: (key, value, options) => store.registers.set(key, String(value), options) }),
  },
  {
    fault: "never deletes",
    rejectedBy: ["registers.delete"],
    breakStore: (store) => delegateRegisters(store, { delete: async () => false }),
  },
];
