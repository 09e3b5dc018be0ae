import { type EventStore, StoreUnavailableError } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import { createProjectionRunner, defineProjection, type RunnerOptions, resetProjection } from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { Reports } from "./reports.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** A projection that notes what it is given, and what its runner reports. */
function listing(options: { readonly onEvent?: (amount: number) => void | Promise<void> } = {}) {
  const seen: string[] = [];
  const reports = new Reports();
  const projection = defineProjection({
    name: "listing",
    events: accountEvents,
    types: ["Deposited"],
    handlers: {
      Deposited: async ({ streamId, version, data }) => {
        await options.onEvent?.(data.amount);
        seen.push(`${streamId}@${version}=${data.amount}`);
      },
    },
  });
  const run = (store: EventStore<unknown>, more: Partial<RunnerOptions> = {}) =>
    createProjectionRunner(projection, { store, onReport: reports.listener, ...more });
  return { seen, reports, run, projection };
}

describe("a runner", () => {
  it("works through what is stored and then handles what comes, in order and once", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2, 3);
    const { seen, run, reports } = listing();
    await using runner = run(store, { pageSize: 2 });

    await runner.start();
    await reports.until("caught-up");
    await runner.waitFor(await deposit(store, "a-1", 4, 5));

    expect(seen).toStrictEqual(["a-1@1=1", "a-1@2=2", "a-1@3=3", "a-1@4=4", "a-1@5=5"]);
    expect(runner.status()).toMatchObject({ state: "live", isHealthy: true, events: 5, lagMs: 0 });
  });

  it("sees every event once while a writer never pauses", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", ...Array.from({ length: 100 }, (_, n) => n));
    const { seen, run } = listing();
    await using runner = run(store, { pageSize: 7 });

    const starting = runner.start();
    let last = "";
    for (let n = 100; n < 400; n += 1) {
      last = await deposit(store, "a-1", n);
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await starting;
    await runner.waitFor(last);

    expect(seen).toStrictEqual(Array.from({ length: 400 }, (_, n) => `a-1@${n + 1}=${n}`));
  });

  it("goes on behind its checkpoint after a restart", async () => {
    await using store = createMemoryEventStore();
    const { seen, run } = listing();
    const first = run(store);
    await first.start();
    await first.waitFor(await deposit(store, "a-1", 1, 2));
    await first.stop();

    await using second = run(store);
    await second.start();
    await second.waitFor(await deposit(store, "a-1", 3));

    expect(seen).toStrictEqual(["a-1@1=1", "a-1@2=2", "a-1@3=3"]);
  });

  it("stores how far it came over events that it does not read", async () => {
    await using store = createMemoryEventStore();
    const opened = { type: "Opened", data: { owner: "Ada" } };
    const { position } = await store.append({ streamId: "a-1", expected: 0, events: [opened] });
    const { run, reports } = listing();
    const runner = run(store);

    await runner.start();
    await reports.until("caught-up");
    await runner.stop();

    expect(JSON.parse((await store.registers.get("checkpoint:listing"))?.value ?? "")).toMatchObject({ position });
  });

  it("finishes the page at hand when it is stopped, and no further one", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2, 3, 4);
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    const { seen, run } = listing({
      onEvent: async () => {
        entered.resolve();
        await leave.promise;
      },
    });
    const runner = run(store, { pageSize: 2 });
    await runner.start();
    await entered.promise;

    const stopping = runner.stop();
    expect(runner.status().state).toBe("stopping");
    leave.resolve();
    await stopping;
    await runner.done;

    expect(seen).toStrictEqual(["a-1@1=1", "a-1@2=2"]);
    expect(runner.status()).toMatchObject({ state: "stopped", isHealthy: false });
    const next = listing();
    await using second = next.run(store);
    await second.start();
    await second.waitFor(await store.head());
    expect(next.seen).toStrictEqual(["a-1@3=3", "a-1@4=4"]);
  });

  it("stores nothing of a page whose handler outlasts the time to drain", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    const clock = new VirtualClock();
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    const { run } = listing({
      onEvent: async () => {
        entered.resolve();
        await leave.promise;
      },
    });
    const runner = run(store, { clock });
    await runner.start();
    await entered.promise;

    const stopping = runner.stop({ timeoutMs: 1_000 });
    await clock.slept();
    clock.advance(1_000);
    await expect(stopping).rejects.toMatchObject({ code: "ES_WAIT_TIMEOUT" });
    leave.resolve();
    await runner.done;

    expect(JSON.parse((await store.registers.get("checkpoint:listing"))?.value ?? "")).toMatchObject({ position: "" });
  });

  it("takes no page while it is paused, and loses none", async () => {
    await using store = createMemoryEventStore();
    const { seen, run, reports } = listing();
    await using runner = run(store);
    await runner.start();
    await reports.until("caught-up");

    await runner.pause();
    const position = await deposit(store, "a-1", 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toStrictEqual([]);
    expect(runner.status().state).toBe("paused");
    runner.resume();
    await runner.waitFor(position);

    expect(seen).toStrictEqual(["a-1@1=1"]);
    expect(reports.kinds).toStrictEqual(["started", "progress", "caught-up", "paused", "resumed", "progress"]);
  });

  it("says when a page takes longer than a pause may, and takes no further one", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2);
    const clock = new VirtualClock();
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    const { seen, run, reports } = listing({
      onEvent: async () => {
        entered.resolve();
        await leave.promise;
      },
    });
    const runner = run(store, { pageSize: 1, clock });
    await runner.start();
    await entered.promise;
    const controller = new AbortController();

    const limited = runner.pause({ timeoutMs: 1_000 });
    const aborted = runner.pause({ signal: controller.signal });
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "ES_ABORTED" });
    clock.advance(1_000);
    await expect(limited).rejects.toMatchObject({ code: "ES_WAIT_TIMEOUT" });
    const patient = runner.pause();
    leave.resolve();
    await patient;

    expect(seen).toStrictEqual(["a-1@1=1"]);
    runner.resume();
    await reports.until("caught-up");
    expect(seen).toStrictEqual(["a-1@1=1", "a-1@2=2"]);
    await runner.stop();
    expect(clock.sleeping).toBe(0);
  });

  it("stops while it is paused", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    const { run } = listing();
    const runner = run(store);
    await runner.start();
    await runner.pause();

    await runner.stop();

    expect(runner.status().state).toBe("stopped");
  });

  it("reads one page ahead and no further", async () => {
    await using inner = createMemoryEventStore();
    await deposit(inner, "a-1", ...Array.from({ length: 10 }, (_, n) => n));
    let pagesRead = 0;
    const store: EventStore<unknown> = {
      ...inner,
      async *readAll(options) {
        for await (const page of inner.readAll(options)) {
          pagesRead += 1;
          yield page;
        }
      },
    };
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    const { run } = listing({
      onEvent: async () => {
        entered.resolve();
        await leave.promise;
      },
    });
    await using runner = run(store, { pageSize: 1 });
    await runner.start();
    await entered.promise;

    await new Promise((resolve) => setImmediate(resolve));

    expect(pagesRead).toBe(2);
    leave.resolve();
  });

  it("goes on reading when the store comes back", async () => {
    await using inner = createMemoryEventStore();
    let outages = 3;
    const store: EventStore<unknown> = {
      ...inner,
      async *readAll(options) {
        if (outages > 0) {
          outages -= 1;
          throw new StoreUnavailableError("away");
        }
        yield* inner.readAll(options);
      },
    };
    const clock = new VirtualClock(5_000);
    const { seen, run, reports } = listing();
    await using runner = run(store, { clock, random: () => 1 });

    await runner.start();
    await runner.waitFor(await deposit(inner, "a-1", 1));

    expect(seen).toStrictEqual(["a-1@1=1"]);
    expect(reports.kinds.slice(0, 4)).toStrictEqual(["started", "retrying", "retrying", "retrying"]);
    expect(clock.delays.filter((ms) => ms < 10_000)).toStrictEqual([100, 200, 400]);
  });

  it("asks again when a live read ends by itself", async () => {
    await using inner = createMemoryEventStore();
    await deposit(inner, "a-1", 1, 2, 3);
    const store: EventStore<unknown> = { ...inner, readAll: (options) => inner.readAll({ ...options, limit: 1 }) };
    const { seen, run, reports } = listing();
    await using runner = run(store, { clock: new VirtualClock(5_000) });

    await runner.start();
    await runner.waitFor(await store.head());

    expect(seen).toHaveLength(3);
    expect(reports.kinds).toContain("retrying");
  });

  it("waits for a replay that is at work before it stops", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2);
    let isBroken = true;
    const leave = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const { seen, run } = listing({
      onEvent: async () => {
        if (isBroken) throw new Error("no");
        entered.resolve();
        await leave.promise;
      },
    });
    const runner = run(store, { onFailure: "park", clock: new VirtualClock(5_000) });
    await runner.start();
    await runner.waitFor(await store.head());
    isBroken = false;
    const replay = runner.replayParked();
    await entered.promise;

    const stopping = runner.stop();
    leave.resolve();
    await stopping;

    await expect(replay).rejects.toMatchObject({ code: "ES_ABORTED" });
    expect(runner.status().state).toBe("stopped");
    expect(seen).toStrictEqual(["a-1@1=1"]);
    expect(runner.parked()).toMatchObject([{ firstVersion: 2, events: 1 }]);
  });

  it("counts how far it is behind", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2, 3);
    const { run } = listing();
    await using runner = run(store);

    expect(await runner.lag()).toStrictEqual({ events: 3, isExact: true, head: await store.head() });
    expect(await runner.lag({ limit: 2 })).toMatchObject({ events: 2, isExact: false });
  });

  it("cannot be started twice", async () => {
    await using store = createMemoryEventStore();
    await using runner = listing().run(store);
    await runner.start();

    await expect(runner.start()).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
  });

  it("gives way to a second one of the same name", async () => {
    await using store = createMemoryEventStore();
    const { run, reports } = listing();
    const first = run(store);
    await first.start();
    await reports.until("caught-up");
    const other = listing();
    await using second = other.run(store);
    await second.start();
    await other.reports.until("caught-up");

    const position = await deposit(store, "a-1", 1);

    await expect(first.done).rejects.toMatchObject({ code: "ES_CHECKPOINT_CONFLICT", projection: "listing" });
    await second.waitFor(position);
    expect(first.status()).toMatchObject({ state: "failed", isHealthy: false });
  });

  it("starts anew after a reset", async () => {
    await using store = createMemoryEventStore();
    const position = await deposit(store, "a-1", 1);
    const { seen, run } = listing();
    const first = run(store);
    await first.start();
    await first.waitFor(position);
    await first.stop();

    expect(await resetProjection(store.registers, "listing")).toBe(true);
    expect(await resetProjection(store.registers, "listing")).toBe(false);
    await using second = run(store);
    await second.start();
    await second.waitFor(position);

    expect(seen).toStrictEqual(["a-1@1=1", "a-1@1=1"]);
  });

  it("leaves no timer behind", async () => {
    await using store = createMemoryEventStore();
    const clock = new VirtualClock();
    const runner = listing().run(store, { clock });
    await runner.start();
    await runner.waitFor(await deposit(store, "a-1", 1));

    await runner.stop();

    expect(clock.sleeping).toBe(0);
  });
});

describe("a handler that fails", () => {
  it("is tried again with growing waits, and what went before it is not repeated", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2, 3);
    let failures = 3;
    const tried: number[] = [];
    const clock = new VirtualClock(5_000);
    const { seen, run, reports } = listing({
      onEvent: (amount) => {
        tried.push(amount);
        if (amount === 2 && failures > 0) {
          failures -= 1;
          throw new Error("not yet");
        }
      },
    });
    await using runner = run(store, { clock, random: () => 0 });

    await runner.start();
    await runner.waitFor(await store.head());

    expect(seen).toStrictEqual(["a-1@1=1", "a-1@2=2", "a-1@3=3"]);
    expect(tried).toStrictEqual([1, 2, 2, 2, 2, 3]);
    expect(clock.delays.filter((ms) => ms < 10_000)).toStrictEqual([50, 100, 200]);
    expect(reports.kinds.filter((kind) => kind === "retrying")).toHaveLength(3);
    expect(runner.status()).toMatchObject({ isHealthy: true, lastError: undefined });
  });

  it("stops the runner in front of the event, which says what it was, and is never reported as healthy", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2, 3);
    const cause = new Error("no such account");
    const fail = (amount: number) => {
      if (amount === 2) throw cause;
    };
    const { seen, run } = listing({ onEvent: fail });
    const runner = run(store, { clock: new VirtualClock(5_000), retry: { maxAttempts: 2 } });
    await runner.start();

    const waiting = runner.waitFor(await store.head());

    const expected = { code: "ES_HANDLER_FAILED", projection: "listing", attempts: 2, cause };
    await expect(waiting).rejects.toMatchObject({ ...expected, event: { streamId: "a-1", version: 2 } });
    await expect(runner.done).rejects.toMatchObject(expected);
    await expect(runner.waitFor(await store.head())).rejects.toMatchObject(expected);
    expect(runner.status()).toMatchObject({ state: "failed", isHealthy: false, lastError: expected });
    await runner.stop();
    expect(seen).toStrictEqual(["a-1@1=1"]);
    await using next = listing().run(store);
    await next.start();
    await next.waitFor(await store.head());
    expect(next.status().events).toBe(2);
  });

  it.each([
    ["text", "it threw text"],
    [undefined, "it threw undefined"],
    [{ reason: 1 }, 'it threw {"reason":1}'],
  ])("may throw %j", async (thrown, words) => {
    await using store = createMemoryEventStore();
    const position = await deposit(store, "a-1", 1);
    const { run } = listing({ onEvent: () => Promise.reject(thrown) });
    await using runner = run(store, { retry: { maxAttempts: 1 } });
    await runner.start();

    await expect(runner.waitFor(position)).rejects.toThrow(words);
  });

  it("does not wait for another attempt when the runner is stopped", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    const clock = new VirtualClock();
    const { run, reports } = listing({ onEvent: () => Promise.reject(new Error("no")) });
    const runner = run(store, { clock });
    await runner.start();
    await reports.until("retrying");
    expect(runner.status()).toMatchObject({ state: "retrying", isHealthy: false });

    await runner.stop();

    expect(runner.status().state).toBe("stopped");
    expect(clock.sleeping).toBe(0);
  });
});

describe("waitFor", () => {
  it("resolves at once for what was handled", async () => {
    await using store = createMemoryEventStore();
    const clock = new VirtualClock();
    await using runner = listing().run(store, { clock });
    await runner.start();
    await runner.waitFor(await deposit(store, "a-1", 1));
    const waits = clock.delays.length;

    await runner.waitFor(await store.head());

    expect(clock.delays).toHaveLength(waits);
  });

  it("ends at its limit, with its signal, and when the runner stops", async () => {
    await using store = createMemoryEventStore();
    const clock = new VirtualClock();
    const { run, reports } = listing();
    const runner = run(store, { clock });
    await runner.start();
    await reports.until("caught-up");
    const controller = new AbortController();

    const limited = runner.waitFor("9999999999999999", { timeoutMs: 50 });
    clock.advance(50);
    await expect(limited).rejects.toMatchObject({ code: "ES_WAIT_TIMEOUT" });
    const aborted = runner.waitFor("9999999999999999", { signal: controller.signal });
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "ES_ABORTED" });
    const stopped = runner.waitFor("9999999999999999");
    await Promise.all([expect(stopped).rejects.toMatchObject({ code: "ES_PROJECTION_STOPPED" }), runner.stop()]);
    await expect(runner.waitFor("9999999999999999")).rejects.toMatchObject({ code: "ES_PROJECTION_STOPPED" });
    expect(clock.sleeping).toBe(0);
  });
});
