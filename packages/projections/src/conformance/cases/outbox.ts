import { expect } from "vitest";
import { defineOutbox, type OutboxMessage, type Projection, type RunnerOptions } from "../../index.ts";
import { Dying } from "../dying.ts";
import { append } from "../notes.ts";
import type { RunnerCase, RunnerCaseContext } from "../runner-case.ts";
import { stop, toHead } from "../running.ts";
import { VirtualClock } from "../virtual-clock.ts";

/** A broker that keeps what it was sent. */
class Broker {
  readonly messages: OutboxMessage[] = [];
  /** Asked before a message is taken. What it throws, the publisher sees. */
  check: (message: OutboxMessage) => void | Promise<void> = () => undefined;

  readonly outbox: Projection = defineOutbox({
    name: "outbox",
    publish: async (message) => {
      await this.check(message);
      this.messages.push(message);
    },
    headers: () => ({ source: "suite", "Event-Id": "forged" }),
  });

  /** The versions that were sent of a stream, in order. */
  versionsOf(streamId: string): readonly number[] {
    return this.messages.filter(({ key }) => key === streamId).map(({ event }) => event.version);
  }
}

async function start(
  { runners, store, within }: RunnerCaseContext,
  broker: Broker,
  options: Partial<RunnerOptions> = {},
) {
  const runner = runners.atLeastOnce(broker.outbox, { store, clock: new VirtualClock(5_000), ...options });
  await within(runner.start(), "the runner to start");
  return runner;
}

/** Events that go to a broker: none is lost, and each stream keeps its order. */
export const outboxCases: readonly RunnerCase[] = [
  {
    id: "outbox.delivery",
    rule: "publishes every event, stored or new, once and in the order of its stream, with headers that cannot be forged",
    async run(context) {
      const { store } = context;
      const broker = new Broker();
      for (const id of ["order-1", "order-2", "order-1"]) await append(store, id, 2);
      const runner = await start(context, broker);
      await toHead(context, runner);
      await append(store, "order-2", 2);
      await toHead(context, runner);
      await stop(context, runner);
      await toHead(context, await start(context, broker));

      expect([broker.versionsOf("order-1"), broker.versionsOf("order-2")]).toStrictEqual([
        [1, 2, 3, 4],
        [1, 2, 3, 4],
      ]);
      const [first] = broker.messages.filter(({ key }) => key === "order-1");
      expect(first).toMatchObject({ destination: "order", type: "Happened", data: { n: 1 }, id: first?.event.id });
      expect(first?.headers).toMatchObject({
        source: "suite",
        "event-id": first?.id,
        "event-type": "Happened",
        "stream-id": "order-1",
        "aggregate-type": "order",
        "aggregate-id": "1",
        "aggregate-version": "1",
      });
    },
  },
  {
    id: "outbox.retry",
    rule: "publishes again what was refused, and nothing that the broker had taken",
    async run(context) {
      const broker = new Broker();
      let refusals = 3;
      broker.check = ({ event }) => {
        if (event.streamId === "order-1" && event.version === 2 && refusals-- > 0) throw new Error("busy");
      };
      for (const id of ["order-1", "order-2", "order-1", "order-1"]) await append(context.store, id);

      await toHead(context, await start(context, broker));

      expect(refusals).toBe(-1);
      expect(broker.versionsOf("order-1")).toStrictEqual([1, 2, 3]);
      expect(broker.versionsOf("order-2")).toStrictEqual([1]);
    },
  },
  {
    id: "outbox.dead-letters",
    rule: "keeps a message that is refused too often, with the later ones of its stream, until it is told to send them again",
    async run(context) {
      const broker = new Broker();
      broker.check = ({ event }) => {
        if (event.streamId === "order-1" && event.version === 2) throw new Error("too large");
      };
      for (const id of ["order-1", "order-2", "order-1", "order-1"]) await append(context.store, id);
      const runner = await start(context, broker, { onFailure: "park" });
      await toHead(context, runner);
      expect([broker.versionsOf("order-1"), broker.versionsOf("order-2")]).toStrictEqual([[1], [1]]);
      expect(runner.parked()).toMatchObject([{ streamId: "order-1", firstVersion: 2, events: 2, error: "too large" }]);

      broker.check = () => undefined;
      await context.within(runner.replayParked(), "the replay");

      expect(broker.versionsOf("order-1")).toStrictEqual([1, 2, 3]);
    },
  },
  {
    id: "outbox.crash",
    rule: "loses no message in a crash between publishing and the checkpoint; those of the page come again under their ids",
    async run(context) {
      const { store, within } = context;
      const broker = new Broker();
      const dying = new Dying(store);
      await append(store, "order-1", 6);
      broker.check = async ({ event }) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (event.version === 4) dying.die();
      };
      const first = await start(context, broker, { store: dying.store, pageSize: 2 });
      await expect(within(first.done, "the runner to give up")).rejects.toThrow(Dying.words);
      expect(broker.versionsOf("order-1")).toStrictEqual([1, 2, 3, 4]);

      broker.check = () => undefined;
      const second = new Broker();
      await toHead(context, await start(context, second));

      expect(second.versionsOf("order-1")).toStrictEqual([3, 4, 5, 6]);
      const idOf = ({ messages }: Broker, version: number) =>
        messages.find(({ event }) => event.version === version)?.id;
      expect(idOf(second, 3)).toBe(idOf(broker, 3));
    },
  },
  {
    id: "outbox.workers",
    rule: "never publishes a message in two processes that share the work",
    async run(context) {
      const { store, runners } = context;
      const broker = new Broker();
      const streams = Array.from({ length: 8 }, (_, n) => `order-${n}`);
      for (const id of [...streams, ...streams]) await append(store, id);
      for (let worker = 0; worker < 2; worker += 1) {
        runners.shared(broker.outbox, { store, partitions: 4, maxPartitions: 2, pollMs: 5, pageSize: 3 }).start();
      }

      await context.until(() => broker.messages.length >= 16, "every message to be published");

      for (const id of streams) expect(broker.versionsOf(id)).toStrictEqual([1, 2]);
    },
  },
];
