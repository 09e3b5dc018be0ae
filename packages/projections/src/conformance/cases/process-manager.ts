import { createRepository, defineAggregate, defineEvents, type EventStore, type Schema } from "@es/core";
import { expect } from "vitest";
import { defineProcessManager, type ProcessManager, type StartPosition } from "../../index.ts";
import { changed } from "../changed-store.ts";
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
  { id = "main", from = "beginning" }: { readonly id?: string; readonly from?: StartPosition } = {},
): ProcessManager<unknown> {
  const stock = createRepository(store, Stock);
  return defineProcessManager({
    name: `reserving-${id}`,
    from,
    events: orderEvents,
    categories: ["order"],
    handlers: {
      Placed: async ({ streamId }, unit) => {
        await unit.execute(stock, id, { type: "Reserve", data: { order: streamId } });
        // The second command meets what the first one did, although nothing is committed yet.
        await unit.execute(stock, id, { type: "Reserve", data: { order: "gift" } });
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

async function reserved(context: RunnerCaseContext, id = "main"): Promise<string> {
  return (await createRepository(context.store, Stock).load(id)).state.orders;
}

/** A store whose n-th call that concerns a stream waits until it is let go. */
function pausingAt(nth: number, streamId: string, inner: EventStore<unknown>) {
  const paused = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let calls = 0;
  const step = async (): Promise<void> => {
    calls += 1;
    if (calls !== nth) return;
    paused.resolve();
    await gate.promise;
  };
  const store = changed(inner, {
    async append(writes, options) {
      await step();
      return inner.append(writes, options);
    },
    async *readStream(id, options) {
      if (id === streamId) await step();
      yield* inner.readStream(id, options);
    },
  });
  return { store, paused: paused.promise, letGo: gate.resolve };
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
    id: "process-manager.paused",
    rule: "has no second effect when a process that was paused goes on, wherever that was, after another one has taken over",
    lacks: "transactions",
    async run(context) {
      const { store, runners, within } = context;
      const clock = new VirtualClock(5_000);
      for (let nth = 1, isPaused = true; isPaused; nth += 1) {
        const own = { id: `${nth}`, from: { after: await store.head() } };
        await place(context, nth);
        const pausing = pausingAt(nth, `stock-${nth}`, store);
        const first = runners.processManager(reserving(pausing.store, undefined, own), { store: pausing.store, clock });
        await within(first.start(), "the first runner to start");
        const goesOn = first.waitFor(await store.head(), { timeoutMs: 1e9 }).then(() => false);
        isPaused = await within(Promise.race([pausing.paused.then(() => true), goesOn]), "the pause");
        const second = runners.processManager(reserving(store, undefined, own), { store, clock });
        await within(second.start(), "the second runner to start");
        await toHead(context, second);

        pausing.letGo();
        await within(Promise.allSettled([goesOn, first.stop()]), "the first runner to end");
        await stop(context, second);

        expect(await reserved(context, own.id)).toBe(` order-${nth} gift`);
        expect(nth).toBeLessThan(20);
      }
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
