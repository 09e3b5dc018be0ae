import { createRepository, defineAggregate, defineEvents, type EventStore, type Schema } from "@es/core";
import { expect } from "vitest";
import { defineProcessManager, type ProcessManager } from "../../index.ts";
import { Dying } from "../dying.ts";
import { append } from "../notes.ts";
import type { RunnerCase, RunnerCaseContext } from "../runner-case.ts";
import { stop, toHead } from "../running.ts";
import { VirtualClock } from "../virtual-clock.ts";

/** A schema for one member of text. The suite needs no validator of its own. */
function textMember<Name extends string>(name: Name): Schema<Record<Name, string>, Record<Name, string>> {
  const isIt = (value: unknown): value is Record<Name, string> =>
    typeof value === "object" && value !== null && typeof Reflect.get(value, name) === "string";
  return {
    "~standard": {
      version: 1,
      vendor: "es",
      validate: (value) => (isIt(value) ? { value } : { issues: [{ message: `has no text "${name}"` }] }),
    },
  };
}

const Stock = defineAggregate({
  name: "stock",
  events: defineEvents({ Reserved: textMember("order") }),
  state: textMember("orders"),
  commands: { Reserve: textMember("order") },
  initialState: () => ({ orders: "" }),
  evolve: { Reserved: (state, { data }) => ({ orders: `${state.orders} ${data.order}` }) },
  decide: { Reserve: ({ data }) => ({ type: "Reserved", data }) },
});

const orderEvents = defineEvents({
  Placed: {
    "~standard": { version: 1, vendor: "es", validate: (value: unknown) => ({ value }) },
  },
});

/** Reserves stock, and a gift, for every order that is placed. */
function reserving(
  store: EventStore<unknown>,
  onOrder: (streamId: string) => void = () => undefined,
): ProcessManager<unknown> {
  const stock = createRepository(store, Stock);
  return defineProcessManager({
    name: "reserving",
    events: orderEvents,
    categories: ["order"],
    handlers: {
      Placed: async ({ streamId }, unit) => {
        await unit.execute(stock, "main", { type: "Reserve", data: { order: streamId } });
        // The second command meets what the first one did, although nothing is committed yet.
        await unit.execute(stock, "main", { type: "Reserve", data: { order: "gift" } });
        onOrder(streamId);
      },
    },
  });
}

/** The store as a process manager takes it: with its transactions where it has them. */
function storeOf(context: RunnerCaseContext): EventStore<unknown> {
  return context.declares.transactions ? context.transactional() : context.store;
}

async function start(
  context: RunnerCaseContext,
  onOrder?: (streamId: string) => void,
  store: EventStore<unknown> = storeOf(context),
) {
  const options = { store, clock: new VirtualClock(5_000) };
  const runner = context.runners.processManager(reserving(store, onOrder), options);
  await context.within(runner.start(), "the runner to start");
  return runner;
}

async function reserved(context: RunnerCaseContext): Promise<string> {
  return (await createRepository(context.store, Stock).load("main")).state.orders;
}

async function place(context: RunnerCaseContext, ...orders: number[]): Promise<void> {
  for (const order of orders) await append(context.store, `order-${order}`, 1, "Placed");
}

/** Events that lead to commands, once each: in one transaction with the checkpoint, or recognised by what they led to. */
export const processManagerCases: readonly RunnerCase[] = [
  {
    id: "process-manager.reacts",
    rule: "reacts to each event once and in order, stored or new, over restarts, and a command sees what the one before it did",
    async run(context) {
      await place(context, 1, 2);
      const first = await start(context);
      await toHead(context, first);
      await place(context, 3);
      await toHead(context, first);
      await stop(context, first);
      await place(context, 4);

      await toHead(context, await start(context));

      expect(await reserved(context)).toBe(" order-1 gift order-2 gift order-3 gift order-4 gift");
    },
  },
  {
    id: "process-manager.rollback",
    rule: "stores nothing of a reaction that failed, and reacts once when it succeeds",
    async run(context) {
      await place(context, 1, 2, 3);
      let failures = 1;
      const flaky = await start(context, (streamId) => {
        if (streamId === "order-2" && failures-- > 0) throw new Error("not yet");
        if (streamId === "order-3") throw new Error("no");
      });
      await expect(context.within(flaky.done, "the runner to give up")).rejects.toMatchObject({
        code: "ES_HANDLER_FAILED",
        event: { streamId: "order-3" },
      });
      expect(await reserved(context)).toBe(" order-1 gift order-2 gift");

      await toHead(context, await start(context));

      expect(await reserved(context)).toBe(" order-1 gift order-2 gift order-3 gift");
    },
  },
  {
    id: "process-manager.crash",
    rule: "has no second effect when it crashes between what an event led to and the checkpoint",
    async run(context) {
      await place(context, 1, 2, 3);
      const dying = new Dying(context.store);
      const { transactions } = context.declares;
      const store = transactions ? { ...dying.store, transaction: context.transactional().transaction } : dying.store;
      const first = await start(
        context,
        (streamId) => {
          if (streamId === "order-2") dying.die();
        },
        store,
      );
      await expect(context.within(first.done, "the runner to give up")).rejects.toThrow(Dying.words);

      await toHead(context, await start(context));

      expect(await reserved(context)).toBe(" order-1 gift order-2 gift order-3 gift");
    },
  },
];
