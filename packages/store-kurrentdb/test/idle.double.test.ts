import { setTimeout as sleep } from "node:timers/promises";
import { startKurrentDouble } from "kurrentdb-double";
import { writeOf } from "test-helpers";
import { describe, expect, it } from "vitest";
import { openKurrentDbEventStore } from "../src/index.ts";

const POLL_MS = 50;
const FOREIGN = 2_000;

describe.each([0, 3])(
  "a live read that waits, of a store with %i events on a server that has many of others",
  (own) => {
    it.each([{}, { filter: { types: ["Happened"] } }])(
      "looks at those once, and then at what comes (%o)",
      async (query) => {
        await using double = await startKurrentDouble();
        const { connectionString } = double;
        await using store = await openKurrentDbEventStore({ connectionString, name: "shop", pollIntervalMs: POLL_MS });
        await using other = await openKurrentDbEventStore({ connectionString, name: "other" });
        if (own > 0) await store.append(writeOf("a-1", 0, own));
        for (let n = 0; n < FOREIGN / 1_000; n += 1) await other.append(writeOf(`b-${n}`, 0, 1_000));
        const stop = new AbortController();
        const seen: string[] = [];
        const reading = (async () => {
          for await (const { events } of store.readAll({ ...query, live: true, signal: stop.signal })) {
            seen.push(...events.map(({ id }) => id));
          }
        })();
        await sleep(10 * POLL_MS);
        const { looks } = double;
        const calls = double.calls.length;

        for (let n = 0; n < 10; n += 1) {
          await other.append(writeOf("c-1", n, 1));
          await sleep(POLL_MS);
        }
        expect(double.looks - looks).toBeLessThan(FOREIGN);
        expect(double.calls.length - calls).toBeLessThan(60);

        const write = writeOf("a-1", own, 1);
        await store.append(write);
        await expect.poll(() => seen).toHaveLength(own + 1);
        expect(seen.at(-1)).toBe(write.events[0]?.id);
        stop.abort();
        await expect(reading).rejects.toMatchObject({ code: "ES_ABORTED" });
      },
    );
  },
);

describe("the newest event of a store, behind which there are many others", () => {
  it("is found without a subscription too", async () => {
    await using double = await startKurrentDouble();
    const { connectionString } = double;
    await using store = await openKurrentDbEventStore({ connectionString, name: "shop", timeoutMs: 2_000 });
    await using other = await openKurrentDbEventStore({ connectionString, name: "other" });
    const { position: first } = await store.append(writeOf("a-1", 0, 3));
    expect(await store.head()).toBe(first);
    double.misbehave({ on: "subscribe", how: "stall" });

    await other.append(writeOf("b-1", 0, 500));
    expect(await store.head()).toBe(first);
    const { position: second } = await store.append(writeOf("a-1", 3, 1));
    await other.append(writeOf("b-1", 500, 500));
    expect(await store.head()).toBe(second);
  });
});

describe("a named store on a server whose log is another one now", () => {
  it("knows the newest event of that log", async () => {
    await using before = await startKurrentDouble();
    const { port, connectionString } = before;
    await using store = await openKurrentDbEventStore({ connectionString, name: "shop" });
    await using other = await openKurrentDbEventStore({ connectionString });
    await store.append(writeOf("a-1", 0, 3));
    await other.append(writeOf("b-1", 0, 3));
    await store.head();
    await before.stop();
    await using after = await startKurrentDouble({ port });
    await using again = await openKurrentDbEventStore({ connectionString: after.connectionString, name: "shop" });
    await using otherAgain = await openKurrentDbEventStore({ connectionString: after.connectionString });

    const { position } = await again.append({ streamId: "a-1", expected: 0, events: [{ type: "A", data: 1 }] });
    await otherAgain.append(writeOf("b-1", 0, 1));
    expect(await store.head()).toBe(position);
    await otherAgain.append({ streamId: "c-1", expected: 0, events: [{ type: "A", data: "x".repeat(5_001) }] });
    await otherAgain.append(writeOf("b-1", 1, 3));

    expect(await store.head()).toBe(position);
  });
});
