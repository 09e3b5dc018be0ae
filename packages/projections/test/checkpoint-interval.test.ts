import type { EventStore } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import { createProjectionRunner, defineProjection, type ProjectionRunner, type RunnerOptions } from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { Reports } from "./reports.ts";
import { VirtualClock } from "./virtual-clock.ts";

const KEY = "checkpoint:noting";

/** A log of ten deposits, read in pages of two, by runners whose handler lets time pass and whose writes are counted. */
async function open({ msPerPage = 0 } = {}) {
  const store = createMemoryEventStore();
  await deposit(store, "a-1", ...Array.from({ length: 10 }, (_, n) => n + 1));
  const clock = new VirtualClock();
  const writes: string[] = [];
  const checkpoints: typeof store.registers = {
    ...store.registers,
    set: async (key, value, call) => {
      const revision = await store.registers.set(key, value, call);
      if (revision !== undefined) writes.push(positionIn(value));
      return revision;
    },
  };
  const seen: number[] = [];
  const run = (
    onEvent: (version: number) => void | Promise<void> = () => undefined,
    more: Partial<RunnerOptions> = {},
  ): { readonly runner: ProjectionRunner; readonly reports: Reports } => {
    const reports = new Reports();
    const noting = defineProjection({
      name: "noting",
      events: accountEvents,
      categories: ["a"],
      handlers: {
        Opened: () => undefined,
        Deposited: async ({ version }) => {
          await onEvent(version);
          seen.push(version);
          if (version % 2 === 0) clock.advance(msPerPage);
        },
      },
    });
    const options = { store, checkpoints, clock, pageSize: 2, onReport: reports.listener, ...more };
    return { runner: createProjectionRunner(noting, options), reports };
  };
  return {
    store,
    clock,
    writes,
    seen,
    run,
    stored: async () => positionIn((await store.registers.get(KEY))?.value ?? "{}"),
    positionOf: (version: number) => positionOf(store, version),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

function positionIn(value: string): string {
  const { position } = JSON.parse(value);
  return position;
}

async function positionOf(store: EventStore<unknown>, version: number): Promise<string> {
  for await (const page of store.readStream("a-1", { from: version, to: version })) return page[0]?.position ?? "";
  return "";
}

const all = Array.from({ length: 10 }, (_, n) => n + 1);

describe("a checkpoint without a transaction", () => {
  it("is written once an interval while the runner catches up, and at the head", async () => {
    await using place = await open({ msPerPage: 40 });
    const { runner } = place.run();

    await runner.start();
    await runner.waitFor(await place.store.head());
    const { writes } = place;

    // Claimed; the first page; then what comes behind 100 ms; the head.
    expect(writes).toStrictEqual([
      "",
      await place.positionOf(2),
      await place.positionOf(6),
      await place.positionOf(10),
    ]);
    expect(place.seen).toStrictEqual(all);
    await runner.stop();
    expect(await place.stored()).toBe(await place.store.head());
  });

  it("is written with each page when the interval is 0", async () => {
    await using place = await open();
    const { runner } = place.run(undefined, { checkpointIntervalMs: 0 });

    await runner.start();
    await runner.waitFor(await place.store.head());

    expect(place.writes).toHaveLength(6);
    await runner.stop();
  });

  it("is written with each page when a page takes as long as the interval", async () => {
    await using place = await open({ msPerPage: 100 });
    const { runner } = place.run();

    await runner.start();
    await runner.waitFor(await place.store.head());

    expect(place.writes).toHaveLength(6);
    await runner.stop();
  });

  it("is written after a hundred pages, although no time passes", async () => {
    await using place = await open();
    await deposit(place.store, "a-2", ...Array.from({ length: 200 }, () => 1));
    const { runner } = place.run(undefined, { pageSize: 1 });

    await runner.start();
    await runner.waitFor(await place.store.head());

    // Claimed; the first page; two hundred pages; the rest.
    expect(place.writes).toHaveLength(5);
    await runner.stop();
  });

  it("is written before a page counts as handled once the runner is at the head", async () => {
    await using place = await open();
    const { runner } = place.run();
    await runner.start();
    await runner.waitFor(await place.store.head());

    for (let n = 11; n < 14; n += 1) {
      const position = await deposit(place.store, "a-1", n);
      await runner.waitFor(position);
      expect(await place.stored()).toBe(position);
    }
    await runner.stop();
  });

  it("is written when the runner stops in the middle, so that nothing comes again", async () => {
    await using place = await open();
    const { runner } = place.run((version) => {
      if (version === 5) void runner.stop();
    });
    await runner.start();
    await runner.done;

    expect(place.seen).toStrictEqual([1, 2, 3, 4, 5, 6]);
    expect(await place.stored()).toBe(await place.positionOf(6));
    const next = place.run();
    await next.runner.start();
    await next.runner.waitFor(await place.store.head());
    expect(place.seen).toStrictEqual(all);
    await next.runner.stop();
  });

  it("is written when a pause begins", async () => {
    await using place = await open();
    const paused = Promise.withResolvers<void>();
    const { runner } = place.run((version) => {
      if (version === 5) paused.resolve(runner.pause());
    });
    await runner.start();
    await paused.promise;

    expect(await place.stored()).toBe(await place.positionOf(6));
    expect(runner.status()).toMatchObject({ state: "paused", position: await place.stored() });
    runner.resume();
    await runner.waitFor(await place.store.head());
    expect(place.seen).toStrictEqual(all);
    await runner.stop();
  });

  it("is written in front of an event that is tried again, and when that fails for good", async () => {
    await using place = await open();
    const { runner, reports } = place.run((version) => {
      if (version === 7) throw new Error("no such account");
    });
    await runner.start();
    await reports.until("retrying");

    expect(await place.stored()).toBe(await place.positionOf(6));
    await runner.stop();
    const failing = place.run(
      (version) => {
        if (version === 9) throw new Error("no such account");
      },
      { retry: { maxAttempts: 1 } },
    );
    await failing.runner.start();
    await expect(failing.runner.done).rejects.toMatchObject({ code: "ES_HANDLER_FAILED" });
    expect(await place.stored()).toBe(await place.positionOf(8));
    expect(place.seen).toStrictEqual(all.slice(0, 8));
  });

  it("is written when the feed cannot be believed any more", async () => {
    await using place = await open();
    const { store } = place;
    const broken: EventStore<unknown> = {
      ...store,
      async *readAll(options) {
        for await (const page of store.readAll(options)) {
          yield { ...page, events: page.events.filter(({ version }) => version !== 7) };
        }
      },
    };
    const { runner } = place.run(undefined, { store: broken });

    await runner.start();
    await expect(runner.done).rejects.toMatchObject({ code: "ES_FEED_INTEGRITY" });

    expect(await place.stored()).toBe(await place.positionOf(6));
  });

  it("is written when no page comes for as long as the interval", async () => {
    await using place = await open();
    const { store, clock } = place;
    const goOn = Promise.withResolvers<void>();
    const stalling: EventStore<unknown> = {
      ...store,
      async *readAll(options) {
        for await (const page of store.readAll(options)) {
          if (page.events[0]?.version === 7) await goOn.promise;
          yield page;
        }
      },
    };
    const { runner, reports } = place.run(undefined, { store: stalling });
    await runner.start();
    await reports.until("progress", 3);
    await clock.slept();
    const before = await place.stored();

    clock.advance(100);
    while (place.writes.length < 3) await new Promise((resolve) => setImmediate(resolve));

    expect(before).toBe(await place.positionOf(2));
    expect(await place.stored()).toBe(await place.positionOf(6));
    goOn.resolve();
    await runner.waitFor(await store.head());
    expect(place.seen).toStrictEqual(all);
    await runner.stop();
    expect(clock.sleeping).toBe(0);
  });

  it("makes an overtaken runner give up within the interval, and the other one misses nothing", async () => {
    await using place = await open({ msPerPage: 60 });
    const own: number[] = [];
    const rival = place.run();
    const { runner } = place.run(async (version) => {
      own.push(version);
      if (version === 3) await rival.runner.start();
    });
    await runner.start();

    await expect(runner.done).rejects.toMatchObject({ code: "ES_CHECKPOINT_CONFLICT" });
    await rival.runner.waitFor(await place.store.head());

    expect(Math.max(...own)).toBeLessThanOrEqual(6);
    expect(new Set(place.seen)).toStrictEqual(new Set(all));
    await rival.runner.stop();
    expect(await place.stored()).toBe(await place.store.head());
  });

  it("keeps a runner that slept from beginning another page after it was overtaken", async () => {
    await using place = await open();
    const { store, clock } = place;
    const asleep = Promise.withResolvers<void>();
    const wake = Promise.withResolvers<void>();
    const sleeping: EventStore<unknown> = {
      ...store,
      async *readAll(options) {
        for await (const page of store.readAll(options)) {
          if (page.events[0]?.version === 5) {
            asleep.resolve();
            await wake.promise;
          }
          yield page;
        }
      },
    };
    const own: number[] = [];
    // Nobody counts its time while it sleeps.
    const first = place.run((version) => void own.push(version), {
      store: sleeping,
      clock: { ...systemLike(clock), delay: () => new Promise<void>(() => undefined) },
    });
    await first.runner.start();
    await first.reports.until("progress", 2);
    await asleep.promise;
    const other = place.run();
    await other.runner.start();
    await other.runner.waitFor(await store.head());

    clock.advance(3_600_000);
    wake.resolve();

    await expect(first.runner.done).rejects.toMatchObject({ code: "ES_CHECKPOINT_CONFLICT" });
    expect(own).toStrictEqual([1, 2, 3, 4]);
    await other.runner.stop();
  });
});

/** The time of a clock. */
function systemLike(clock: VirtualClock): Pick<VirtualClock, "now" | "monotonic"> {
  return { now: () => clock.now(), monotonic: () => clock.monotonic() };
}

it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])("refuses an interval of %s", async (checkpointIntervalMs) => {
  await using place = await open();

  expect(() => place.run(undefined, { checkpointIntervalMs })).toThrow("checkpointIntervalMs");
});
