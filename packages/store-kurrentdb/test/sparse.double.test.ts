import type { Page } from "@es/core";
import { type KurrentDouble, startKurrentDouble } from "kurrentdb-double";
import { writeOf } from "test-helpers";
import { describe, expect, it } from "vitest";
import { type KurrentDbEventStore, type KurrentDbEventStoreOptions, openKurrentDbEventStore } from "../src/index.ts";

const RARE = { filter: { types: ["Rare"] } } as const;

/** Three rare events, each behind 600 others, and 600 more. */
async function openFilled(
  options: Partial<KurrentDbEventStoreOptions>,
): Promise<{ double: KurrentDouble; store: KurrentDbEventStore; rare: readonly string[] } & AsyncDisposable> {
  const double = await startKurrentDouble();
  const store = await openKurrentDbEventStore({ connectionString: double.connectionString, ...options });
  const rare: string[] = [];
  for (let n = 0; n < 4; n += 1) {
    await store.append(writeOf(`noise-${n}`, 0, 600));
    if (n === 3) continue;
    const id = crypto.randomUUID();
    await store.append({ streamId: "rare-1", expected: n, events: [{ id, type: "Rare", data: n }] });
    rare.push(id);
  }
  return {
    double,
    store,
    rare,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await double[Symbol.asyncDispose]();
    },
  };
}

async function pagesOf(pages: AsyncIterable<Page>): Promise<readonly Page[]> {
  const all: Page[] = [];
  for await (const page of pages) all.push(page);
  return all;
}

function idsOf(pages: readonly Page[]): readonly string[] {
  return pages.flatMap(({ events }) => events.map(({ id }) => id));
}

describe("a filter that matches little", () => {
  it.each([{}, { name: "shop" }])("is followed by a subscription when reading takes too long (%o)", async (options) => {
    await using filled = await openFilled({ timeoutMs: 2_000, ...options });
    const { double, store, rare } = filled;
    const before = double.calls.length;
    // The head is asked for first.
    const fault = double.misbehave({ on: "read", how: "stall", skip: 1, times: 1 });

    const pages = await pagesOf(store.readAll(RARE));

    expect(fault.hits).toBe(1);
    expect(double.calls.slice(before).map(({ operation }) => operation)).toContain("subscribe");
    expect(idsOf(pages)).toStrictEqual(rare);
    expect(pages.at(-1)).toMatchObject({ next: await store.head(), isCaughtUp: true });
    expect(idsOf(await pagesOf(store.readAll(RARE)))).toStrictEqual(rare);
    await expect.poll(() => double.subscriptions).toHaveLength(0);
  });

  it("is shown as far as the log was searched, and read on from there", async () => {
    await using filled = await openFilled({ timeoutMs: 10_000 });
    const { double, store, rare } = filled;
    double.misbehave({ on: "read", how: "stall", skip: 1, times: 1 });
    double.misbehave({ on: "subscribe", how: "slow", delayMs: 1_200, afterEvents: 1, times: 1 });

    const pages = await pagesOf(store.readAll(RARE));

    expect(idsOf(pages)).toStrictEqual(rare);
    expect(pages.map(({ isCaughtUp }) => isCaughtUp)).toStrictEqual([false, true]);
    const [first] = pages;
    expect(first?.events).toHaveLength(2);
    expect((first?.next ?? "") > (first?.events.at(-1)?.position ?? "")).toBe(true);
    expect(idsOf(await pagesOf(store.readAll({ ...RARE, after: first?.next ?? "" })))).toStrictEqual(rare.slice(2));
  }, 30_000);

  it.each(["fail", "end", "stall", "drop"] as const)(
    "is searched again when its subscription does this: %s",
    async (how) => {
      await using filled = await openFilled({ timeoutMs: 3_000 });
      const { double, store, rare } = filled;
      double.misbehave({ on: "read", how: "stall", skip: 1, times: 1 });
      const manner = how === "fail" ? { how, code: 14 } : { how };
      const fault = double.misbehave({ on: "subscribe", afterEvents: 1, times: 1, ...manner });

      expect(idsOf(await pagesOf(store.readAll(RARE)))).toStrictEqual(rare);
      expect(fault.hits).toBe(1);
    },
  );
});

describe("the keys of registers", () => {
  it("are found by a subscription when a read through the log takes too long", async () => {
    await using filled = await openFilled({ timeoutMs: 4_000 });
    const { double, store } = filled;
    const expected = Array.from({ length: 70 }, (_, n) => `key-${n}`);
    for (const key of expected) await store.registers.set(key, "v");
    await store.registers.delete("key-3");
    double.misbehave({ on: "read", how: "stall", times: 1 });
    const before = double.calls.length;

    const keys: string[] = [];
    for await (const key of store.registers.keys("key-")) keys.push(key);

    expect(keys).toStrictEqual(expected.filter((key) => key !== "key-3"));
    expect(double.calls.slice(before).map(({ operation }) => operation)).toContain("subscribe");
  }, 30_000);
});

describe("a subscription that finds what reads take too long for", () => {
  it("may be that of a follower which lags behind, whose end is not the end of the log", async () => {
    await using leader = await startKurrentDouble();
    await using follower = await startKurrentDouble({ peer: leader });
    const { connectionString } = follower;
    await using store = await openKurrentDbEventStore({ connectionString, timeoutMs: 3_000 });
    const rare: string[] = [];
    const add = async (streamId: string): Promise<void> => {
      const id = crypto.randomUUID();
      await store.append({ streamId, expected: 0, events: [{ id, type: "Rare", data: 1 }] });
      rare.push(id);
      await store.append(writeOf(`noise-${streamId}`, 0, 100));
    };
    await add("rare-1");
    const [{ next: after } = { next: "" }] = await pagesOf(store.readAll(RARE));
    follower.fallBehind();
    await add("rare-2");
    await add("rare-3");
    const before = follower.calls.length;

    for (const [options, found] of [
      [RARE, rare],
      [{ ...RARE, after }, rare.slice(1)],
    ] as const) {
      const fault = leader.misbehave({ on: "read", how: "stall", skip: 1, times: 1 });
      const pages = await pagesOf(store.readAll(options));
      expect(fault.hits).toBe(1);
      expect(idsOf(pages)).toStrictEqual(found);
      expect(pages.at(-1)).toMatchObject({ next: await store.head(), isCaughtUp: true });
    }
    expect(follower.calls.slice(before).filter(({ operation }) => operation === "subscribe")).toHaveLength(2);
  }, 30_000);

  it("does not keep a read going for ever whose end the leader does not confirm", async () => {
    await using filled = await openFilled({ timeoutMs: 3_000, name: "shop" });
    const { double, store } = filled;
    double.misbehave({ on: "read", how: "stall", skip: 1 });
    const begun = performance.now();

    await expect(pagesOf(store.readAll(RARE))).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
    expect(performance.now() - begun).toBeLessThan(20_000);
  }, 30_000);
});
