import { setTimeout as sleep } from "node:timers/promises";
import type { ReadAllOptions, RecordedEvent } from "@es/core";
import { startKurrentDouble } from "kurrentdb-double";
import { writeOf } from "test-helpers";
import { describe, expect, it } from "vitest";
import { type KurrentDbEventStore, openKurrentDbEventStore } from "../src/index.ts";
import { startCuttingProxy } from "./cut-answers.ts";

const EVENTS = 100;

/** A store behind a proxy that lets no answer be longer than so many frames. */
async function openBehindCuts(named: { readonly name?: string }, frames: number) {
  const double = await startKurrentDouble();
  const proxy = await startCuttingProxy(double.port);
  const connectionString = `kurrentdb://127.0.0.1:${proxy.port}?tls=false&discoveryInterval=1`;
  const store = await openKurrentDbEventStore({ connectionString, timeoutMs: 2_000, ...named });
  await store.append(writeOf("a-1", 0, EVENTS));
  proxy.cut("reset without error", frames, Number.POSITIVE_INFINITY);
  return {
    double,
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await double[Symbol.asyncDispose]();
    },
  };
}

describe.each([{}, { name: "shop" }])("a proxy that cuts every answer (%o)", (named) => {
  it.each([{}, { filter: { types: ["Happened"] } }, { filter: { types: ["Other"] } }])(
    "is got past, as long as a part of each answer comes through (%o)",
    async (query) => {
      await using opened = await openBehindCuts(named, 7);
      const { store } = opened;

      const events = await eventsOf(store, query);

      expect(events).toHaveLength(query.filter?.types.includes("Other") === true ? 0 : EVENTS);
    },
  );

  it("is got past by a search by subscription", async () => {
    await using opened = await openBehindCuts(named, 7);
    const { double, store } = opened;
    double.misbehave({ on: "read", how: "stall", skip: 1, times: 1 });

    expect(await eventsOf(store, { filter: { types: ["Happened"] } })).toHaveLength(EVENTS);
    expect(double.calls.filter(({ operation }) => operation === "subscribe").length).toBeGreaterThan(1);
  });

  it("is not asked without pause for a subscription by a live read that waits", async () => {
    await using opened = await openBehindCuts(named, 1);
    const { double, store } = opened;
    const stop = new AbortController();
    const reading = eventsOf(store, { after: await store.head(), live: true, signal: stop.signal });
    const before = double.calls.length;

    await sleep(1_500);
    stop.abort();

    await expect(reading).rejects.toMatchObject({ code: "ES_ABORTED" });
    expect(double.calls.length - before).toBeLessThan(20);
  });
});

async function eventsOf(store: KurrentDbEventStore, options: ReadAllOptions): Promise<readonly RecordedEvent[]> {
  const all: RecordedEvent[] = [];
  for await (const { events } of store.readAll(options)) all.push(...events);
  return all;
}
