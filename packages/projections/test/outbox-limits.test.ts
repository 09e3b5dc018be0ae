import { StoreUnavailableError } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import { createEventBus, createProjectionRunner, defineOutbox, type Publish, resetProjection } from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { VirtualClock } from "./virtual-clock.ts";

describe("an outbox", () => {
  it("publishes two events of one page that have the same id", async () => {
    await using store = createMemoryEventStore();
    const id = crypto.randomUUID();
    for (const streamId of ["a-1", "b-1"]) {
      const events = [{ id, type: "Deposited", data: { amount: 1 } }];
      await store.append({ streamId, expected: "no-stream", events });
    }
    const sent: string[] = [];
    const outbox = defineOutbox({ name: "outbox", concurrency: 1, publish: ({ key }) => void sent.push(key) });
    await using runner = createProjectionRunner(outbox, { store });

    await runner.start();
    await runner.waitFor(await store.head());

    expect(sent.toSorted()).toStrictEqual(["a-1", "b-1"]);
  });

  it("begins nothing further once the time to drain is over", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2, 3, 4);
    const sent: number[] = [];
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    const publish: Publish = async ({ event }) => {
      sent.push(event.version);
      entered.resolve();
      await leave.promise;
    };
    const runner = createProjectionRunner(defineOutbox({ name: "outbox", publish }), { store });
    await runner.start();
    await entered.promise;

    await expect(runner.stop({ timeoutMs: 1 })).rejects.toMatchObject({ code: "ES_WAIT_TIMEOUT" });
    leave.resolve();
    await runner.done;

    expect(sent).toStrictEqual([1]);
  });

  it("publishes everything anew after a reset, also what it had sent of a page that failed", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    await deposit(store, "b-1", 2);
    const sent: string[] = [];
    let isRefused = true;
    const outbox = defineOutbox({
      name: "outbox",
      publish: ({ key }) => {
        if (isRefused && key === "a-1") throw new Error("refused");
        sent.push(key);
      },
    });
    const run = () =>
      createProjectionRunner(outbox, { store, retry: { maxAttempts: 1 }, clock: new VirtualClock(5_000) });
    const first = run();
    await first.start();
    await expect(first.done).rejects.toMatchObject({ code: "ES_HANDLER_FAILED" });
    expect(sent).toStrictEqual(["b-1"]);
    await resetProjection(store.registers, "outbox");
    isRefused = false;

    await using second = run();
    await second.start();
    await second.waitFor(await store.head());

    expect(sent.toSorted()).toStrictEqual(["a-1", "b-1", "b-1"]);
  });

  it("asks a broker that is away for few messages, not for every stream of the page", async () => {
    await using store = createMemoryEventStore();
    for (let n = 0; n < 100; n += 1) await deposit(store, `a-${n}`, 1);
    let asked = 0;
    const outbox = defineOutbox({
      name: "outbox",
      concurrency: 2,
      publish: async () => {
        asked += 1;
        await Promise.resolve();
        throw new StoreUnavailableError("the broker is away");
      },
    });
    const clock = new VirtualClock();
    await using runner = createProjectionRunner(outbox, { store, clock });

    await runner.start();
    await clock.slept();

    // Two at the same time, and half of the page each time.
    expect(asked).toBeLessThan(20);
  });
});

it("a bus passes an outage of a handler on as one, so that no message is held back for it", async () => {
  await using store = createMemoryEventStore();
  const position = await deposit(store, "a-1", 1);
  const bus = createEventBus(accountEvents);
  let outages = 10;
  const seen: number[] = [];
  bus.on("Deposited", ({ data }) => {
    if (outages-- > 0) throw new StoreUnavailableError("away");
    seen.push(data.amount);
  });
  const outbox = defineOutbox({ name: "bus", publish: bus.publisher });
  const clock = new VirtualClock(30_000);
  await using runner = createProjectionRunner(outbox, { store, onFailure: "park", clock });

  await runner.start();
  await runner.waitFor(position, { timeoutMs: 100_000 });

  expect(seen).toStrictEqual([1]);
  expect(runner.parked()).toStrictEqual([]);
});
