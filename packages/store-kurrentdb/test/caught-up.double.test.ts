import type { Page } from "@es/core";
import { startKurrentDouble } from "kurrentdb-double";
import { writeOf } from "test-helpers";
import { describe, expect, it } from "vitest";
import { openKurrentDbEventStore } from "../src/index.ts";

const SIZE = 100;

describe("a read whose last full page ends with an event that came meanwhile", () => {
  it.each([{}, { name: "shop" }])("says all the same that it is caught up (%o)", async (named) => {
    await using double = await startKurrentDouble();
    await using store = await openKurrentDbEventStore({ connectionString: double.connectionString, ...named });
    await store.append(writeOf("a-1", 0, SIZE - 1));
    // The newest event is asked for, and the next ones are looked at; then comes the read with the filter.
    const fault = double.misbehave({ on: "read", how: "stall", skip: 2, times: 1 });
    const pages: Page[] = [];

    const reading = (async () => {
      const options = { filter: { types: ["Happened"] }, pageSize: SIZE };
      for await (const page of store.readAll(options)) pages.push(page);
    })();
    await fault.hit;
    await store.append(writeOf("b-1", 0, 1));
    fault.release();
    await reading;

    expect(pages.flatMap(({ events }) => events)).toHaveLength(SIZE);
    expect(pages.at(-1)).toMatchObject({ next: await store.head(), isCaughtUp: true });
  });
});

describe("a read with a filter that has far to go", () => {
  it("asks for the newest event when it comes to that, and not for each page", async () => {
    await using double = await startKurrentDouble();
    await using store = await openKurrentDbEventStore({ connectionString: double.connectionString });
    await store.append(writeOf("a-1", 0, 10 * SIZE));
    const before = double.calls.length;

    let pages = 0;
    for await (const __ of store.readAll({ filter: { types: ["Happened"] }, pageSize: 10 })) pages += 1;

    expect(pages).toBe(SIZE);
    expect(double.calls.length - before).toBeLessThan(SIZE / 4);
  });
});
