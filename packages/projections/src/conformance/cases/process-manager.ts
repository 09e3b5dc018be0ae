import { createRepository, defineAggregate, defineEvents, type Schema, type TransactionalEventStore } from "@es/core";
import { expect } from "vitest";
import { defineProcessManager, type ProcessManager } from "../../index.ts";
import { passOn } from "../changed-store.ts";
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

/** Reserves stock for every order that is placed. */
function reserving(
  store: TransactionalEventStore<unknown>,
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
        onOrder(streamId);
      },
    },
  });
}

async function start(context: RunnerCaseContext, onOrder?: (streamId: string) => void) {
  const store = context.transactional();
  const options = { store, clock: new VirtualClock(5_000) };
  const runner = context.runners.processManager(reserving(store, onOrder), options);
  await context.within(runner.start(), "the runner to start");
  return runner;
}

async function reserved(context: RunnerCaseContext): Promise<string> {
  return (await createRepository(context.transactional(), Stock).load("main")).state.orders;
}

async function place(context: RunnerCaseContext, ...orders: number[]): Promise<void> {
  for (const order of orders) await append(context.store, `order-${order}`, 1, "Placed");
}

/** Events that lead to commands, in the transaction that also moves the checkpoint. */
export const processManagerCases: readonly RunnerCase[] = [
  {
    id: "process-manager.reacts",
    rule: "reacts to each event once and in order, stored or new, over restarts",
    needs: "transactions",
    async run(context) {
      await place(context, 1, 2);
      const first = await start(context);
      await toHead(context, first);
      await place(context, 3);
      await toHead(context, first);
      await stop(context, first);
      await place(context, 4);

      await toHead(context, await start(context));

      expect(await reserved(context)).toBe(" order-1 order-2 order-3 order-4");
    },
  },
  {
    id: "process-manager.rollback",
    rule: "stores nothing of a reaction that failed, and reacts once when it succeeds",
    needs: "transactions",
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
      expect(await reserved(context)).toBe(" order-1 order-2");

      await toHead(context, await start(context));

      expect(await reserved(context)).toBe(" order-1 order-2 order-3");
    },
  },
  {
    id: "process-manager.refused",
    rule: "is refused over a store without transactions, with the store's own reason",
    lacks: "transactions",
    async run({ store, runners }) {
      const pretending: TransactionalEventStore<unknown> = {
        ...passOn(store),
        transaction: () => Promise.reject(new Error("there are none")),
      };
      const create = () => runners.processManager(reserving(pretending), { store: pretending });

      expect(create).toThrow(store.capabilities.gaps.transactions ?? "no reason is given");
      expect(create).toThrow(expect.objectContaining({ code: "ES_UNSUPPORTED" }));
    },
  },
];
