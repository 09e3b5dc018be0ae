import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { untyped, writeOf } from "../new-events.ts";
import { expectEmpty, expectRefusal } from "../refusal.ts";

/** What the store says about itself. */
export const declarationCases: readonly ConformanceCase[] = [
  {
    id: "declaration.equals-capabilities",
    rule: "the store's capabilities are the ones that were declared for it",
    async run({ store, declares }) {
      const names = Object.keys(declares);
      const found = Object.fromEntries(names.map((name) => [name, Reflect.get(store.capabilities, name)]));

      expect(found).toStrictEqual({ ...declares });
    },
  },
  {
    id: "declaration.gaps-have-reasons",
    rule: "every missing or limited capability gives its reason, and nothing else is named as a gap",
    async run({ store: { capabilities } }) {
      const missing = {
        atomicStreams: Number.isFinite(capabilities.atomicStreams),
        maxEventsPerAppend: capabilities.maxEventsPerAppend === 1,
        transactions: !capabilities.transactions,
        conditions: capabilities.conditions !== "query",
        filter: capabilities.filter !== "store",
        wakeUp: false,
        durability: capabilities.durability === "none" || capabilities.durability === "buffered",
        shared: !capabilities.shared,
      };
      const reasons = new Map<string, string | undefined>(Object.entries(capabilities.gaps));

      for (const [name, isMissing] of Object.entries(missing)) {
        if (isMissing) expect(reasons.get(name) ?? "", `the reason for ${name}`).toMatch(/\S+ \S+/);
      }
      for (const [name, reason] of reasons) {
        expect(Object.hasOwn(capabilities, name), name).toBe(true);
        expect(reason ?? "", name).toMatch(/\S+ \S+/);
      }
    },
  },
  {
    id: "declaration.limits",
    rule: "the limits are numbers that an append can meet",
    async run({ store: { capabilities } }) {
      const { atomicStreams, maxEventsPerAppend, maxBytesPerAppend } = capabilities;
      for (const limit of [atomicStreams, maxEventsPerAppend, maxBytesPerAppend])
        expect(limit).toBeGreaterThanOrEqual(1);
    },
  },
  {
    id: "declaration.identity",
    rule: "a store has one identity, and another store another",
    async run({ store, openOther }) {
      const other = await openOther();
      const identity = await store.identity();
      await store.append(writeOf("a-1", "any"));

      expect(identity).toMatch(/\S/);
      expect(await store.identity()).toBe(identity);
      expect(await other.identity()).not.toBe(identity);
    },
  },
  {
    id: "declaration.stores-are-apart",
    rule: "two stores share no events, registers or wake-ups",
    async run({ store, openOther }) {
      const other = await openOther();
      await other.append(writeOf("a-1", "any", 2));
      await other.registers.set("k", "other");

      await expectEmpty(store);
      expect(await store.registers.get("k")).toBeUndefined();
      expect((await store.append(writeOf("a-1", "no-stream"))).versions).toStrictEqual([1]);
    },
  },
  {
    id: "declaration.no-transactions",
    rule: "a store without transactions refuses a call that brings one, and says why",
    lacks: "transactions",
    async run({ store }) {
      const options = { tx: untyped<never>({ query: "none" }) };

      await expectRefusal(store.append(writeOf("a-1", "any"), options), "ES_UNSUPPORTED");
      await expectRefusal(store.registers.set("k", "x", options), "ES_UNSUPPORTED");
      await expectRefusal(store.registers.get("k", options), "ES_UNSUPPORTED");
      await expectRefusal(store.registers.delete("k", options), "ES_UNSUPPORTED");

      await expectEmpty(store);
      expect(await store.registers.get("k")).toBeUndefined();
    },
  },
];
