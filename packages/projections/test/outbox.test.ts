import { defineEvents, type EventStore, versioned } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  createEventBus,
  createProjectionRunner,
  defineOutbox,
  type OutboxMessage,
  type OutboxSpec,
  type ProjectionRunner,
  type Publish,
} from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** A broker that keeps what it was sent, and refuses what it is told to. */
function broker() {
  const sent: string[] = [];
  const messages: OutboxMessage[] = [];
  const refused = new Set<string>();
  const publish: Publish = async (message) => {
    const name = `${message.key}@${message.event.version}`;
    await Promise.resolve();
    if (refused.has(name)) throw new Error(`refused ${name}`);
    sent.push(name);
    messages.push(message);
  };
  return { sent, messages, refused, publish };
}

function run(
  store: EventStore<unknown>,
  spec: Omit<OutboxSpec, "name">,
  clock: VirtualClock = new VirtualClock(5_000),
): ProjectionRunner {
  const outbox = defineOutbox({ name: "outbox", clock, ...spec });
  return createProjectionRunner(outbox, { store, onFailure: "park", retry: { maxAttempts: 3 }, clock });
}

describe("an outbox", () => {
  it("publishes every event once, streams side by side, each in its order", async () => {
    await using store = createMemoryEventStore();
    const streams = Array.from({ length: 10 }, (_, n) => `a-${n}`);
    for (const streamId of [...streams, ...streams, ...streams]) await deposit(store, streamId, 1);
    const { sent, publish } = broker();
    let running = 0;
    let most = 0;
    await using runner = run(store, {
      concurrency: 4,
      publish: async (message, context) => {
        running += 1;
        most = Math.max(most, running);
        await publish(message, context);
        running -= 1;
      },
    });

    await runner.start();
    await runner.waitFor(await store.head());

    expect(most).toBe(4);
    for (const streamId of streams) {
      expect(sent.filter((name) => name.startsWith(`${streamId}@`))).toStrictEqual(
        [1, 2, 3].map((v) => `${streamId}@${v}`),
      );
    }
    expect(sent).toHaveLength(30);
  });

  it("says where an event comes from, and lets nobody overwrite that", async () => {
    await using store = createMemoryEventStore({ clock: () => 0 });
    const metadata = { correlationId: "c", causationId: "k", tenantId: "t", secret: "s" };
    const id = crypto.randomUUID();
    const { position } = await store.append({
      streamId: "account-4-2",
      expected: 0,
      events: [{ id, type: "Deposited", data: { amount: 1 }, metadata }],
    });
    const { messages, publish } = broker();
    await using runner = run(store, {
      publish,
      headers: () => ({ "x-source": "test", "Event-Id": "forged", "aggregate-id": "forged" }),
      destination: ({ type }) => `events.${type}`,
    });

    await runner.start();
    await runner.waitFor(position);

    expect(messages).toMatchObject([{ id, destination: "events.Deposited", key: "account-4-2", data: { amount: 1 } }]);
    expect(messages[0]?.headers).toStrictEqual({
      "event-id": id,
      "event-type": "Deposited",
      "stream-id": "account-4-2",
      "aggregate-type": "account",
      "aggregate-id": "4-2",
      "aggregate-version": "1",
      position,
      "recorded-at": "1970-01-01T00:00:00.000Z",
      "schema-version": "1",
      "tenant-id": "t",
      "correlation-id": "c",
      "causation-id": "k",
      "x-source": "test",
    });
  });

  it("tries again without sending again what was sent, and goes on", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2, 3);
    await deposit(store, "b-1", 4, 5);
    const { sent, refused, publish } = broker();
    refused.add("a-1@2");
    const clock = new VirtualClock(5_000);
    await using runner = run(
      store,
      {
        publish: (message, context) => {
          if (context.attempt === 2) refused.clear();
          return publish(message, context);
        },
      },
      clock,
    );

    await runner.start();
    await runner.waitFor(await store.head());

    expect(sent.toSorted()).toStrictEqual(["a-1@1", "a-1@2", "a-1@3", "b-1@1", "b-1@2"]);
    expect(runner.status().isHealthy).toBe(true);
  });

  it("keeps dead letters in the order of their stream, lists them and publishes them after the fix", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1, 2);
    await deposit(store, "b-1", 3);
    const { sent, refused, publish } = broker();
    refused.add("a-1@1");
    await using runner = run(store, { publish });
    await runner.start();
    await runner.waitFor(await deposit(store, "a-1", 4));

    expect(sent).toStrictEqual(["b-1@1"]);
    expect(runner.parked()).toMatchObject([{ streamId: "a-1", events: 3, attempts: 3, error: "refused a-1@1" }]);
    refused.clear();
    await runner.replayParked();

    expect(sent).toStrictEqual(["b-1@1", "a-1@1", "a-1@2", "a-1@3"]);
  });

  it("gives up an attempt that takes too long, and tells the publisher", async () => {
    await using store = createMemoryEventStore();
    const position = await deposit(store, "a-1", 1);
    const clock = new VirtualClock(5_000);
    let aborted = 0;
    await using runner = run(
      store,
      {
        timeoutMs: 1_000,
        publish: async (_message, { signal }) => {
          if (aborted > 0) return;
          await new Promise<void>((resolve) => {
            signal.addEventListener("abort", () => resolve(), { once: true });
          });
          aborted += 1;
        },
      },
      clock,
    );

    await runner.start();
    await runner.waitFor(position);

    expect(aborted).toBe(1);
    await runner.stop();
    expect(clock.sleeping).toBe(0);
  });

  it("publishes the present form of an event when it knows the family", async () => {
    await using store = createMemoryEventStore();
    const old = { type: "Paid", data: { cents: 250 } };
    const { position } = await store.append({ streamId: "a-1", expected: 0, events: [old] });
    const events = defineEvents({
      Deposited: versioned(z.object({ cents: z.number() }))
        .formerly("Paid")
        .upcast(z.object({ amount: z.number() }), ({ cents }) => ({ amount: cents / 100 })),
    });
    const { messages, publish } = broker();
    await using runner = run(store, { publish, events, types: ["Paid", "Deposited"], categories: ["a"] });

    await runner.start();
    await runner.waitFor(position);

    expect(messages).toMatchObject([
      { type: "Deposited", data: { amount: 2.5 }, headers: { "schema-version": "2", "event-type": "Deposited" } },
    ]);
  });

  it.each([{ concurrency: 0 }, { timeoutMs: Number.NaN }, { types: [] }, { name: "a:b" }])(
    "cannot have %j",
    (wrong) => {
      expect(() => defineOutbox({ name: "outbox", publish: () => undefined, ...wrong })).toThrow();
    },
  );
});

describe("an event bus", () => {
  it("delivers by type and to those who want all, until they are taken off", async () => {
    await using store = createMemoryEventStore();
    const seen: string[] = [];
    const bus = createEventBus(accountEvents);
    const off = bus.on("Deposited", ({ data }) => void seen.push(`deposit ${data.amount}`));
    bus.on("Opened", ({ data }) => void seen.push(`opened ${data.owner}`));
    bus.onAny(({ type }) => void seen.push(`any ${type}`));
    await using runner = run(store, { publish: bus.publisher });
    await runner.start();
    await runner.waitFor(await deposit(store, "a-1", 1));
    off();
    off();
    const strange = { type: "Strange", data: 1 };
    await store.append({ streamId: "a-1", expected: "any", events: [strange] });
    await runner.waitFor(await deposit(store, "a-1", 2));

    expect(seen).toStrictEqual(["deposit 1", "any Deposited", "any Deposited"]);
  });

  it("calls every handler although one fails, and again until none does", async () => {
    await using store = createMemoryEventStore();
    const seen: string[] = [];
    let failures = 1;
    const bus = createEventBus(accountEvents);
    bus.on("Deposited", () => {
      if (failures-- > 0) throw new Error("not yet");
      seen.push("first");
    });
    bus.on("Deposited", () => void seen.push("second"));
    await using runner = run(store, { publish: bus.publisher });

    await runner.start();
    await runner.waitFor(await deposit(store, "a-1", 1));

    expect(seen).toStrictEqual(["second", "first", "second"]);
  });
});
