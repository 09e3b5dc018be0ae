import { defineEvents } from "@es/core";
import { expect } from "vitest";
import { defineProcessManager, listTimeouts } from "../../index.ts";
import { anything } from "../anything.ts";
import { changed } from "../changed-store.ts";
import { nextTurn } from "../next-turn.ts";
import { append } from "../notes.ts";
import type { RunnerCase, RunnerCaseContext } from "../runner-case.ts";
import { stop, toHead } from "../running.ts";
import { VirtualClock } from "../virtual-clock.ts";

const YEAR_MS = 365 * 86_400_000;

/** The feed of a store, which a case may hold back. */
class News {
  #late: PromiseWithResolvers<void> | undefined;

  /** Nothing that is stored is read from now on. */
  hold(): void {
    this.#late ??= Promise.withResolvers<void>();
  }

  /** What was held back is read. */
  release(): void {
    this.#late?.resolve();
    this.#late = undefined;
  }

  /** Resolves when nothing is held back. */
  async come(): Promise<void> {
    await this.#late?.promise;
  }
}

/** A runner that calls `onTimeout` a year after an order was placed, unless it was paid. The case moves its clock. */
async function start(context: RunnerCaseContext, onTimeout: (order: string) => void) {
  const clock = new VirtualClock();
  const news = new News();
  const inner = context.declares.transactions ? context.transactional() : context.store;
  const store = {
    ...inner,
    ...changed(inner, {
      async *readAll(options) {
        for await (const page of inner.readAll(options)) {
          await news.come();
          yield page;
        }
      },
    }),
  };
  const manager = defineProcessManager({
    name: "reminding",
    events: defineEvents({ Placed: anything, Paid: anything }),
    categories: ["order"],
    timeouts: defineEvents({ Overdue: anything }),
    handlers: {
      Placed: ({ streamId }, unit) => unit.schedule({ type: "Overdue", data: {} }, { key: streamId, afterMs: YEAR_MS }),
      Paid: ({ streamId }, unit) => unit.cancel(streamId),
    },
    onTimeout: { Overdue: ({ key }) => onTimeout(key) },
  });
  const runner = context.runners.processManager(manager, { store, clock });
  await context.within(runner.start(), "the runner to start");
  return { runner, clock, news };
}

/** Lets time pass until something has happened. */
function passing(context: RunnerCaseContext, clock: VirtualClock, isTrue: () => boolean, what: string): Promise<void> {
  return context.until(() => {
    clock.advance(YEAR_MS / 100);
    return isTrue();
  }, what);
}

/** What is to happen when nothing else does: once, late rather than early. */
export const timeoutCases: readonly RunnerCase[] = [
  {
    id: "timeouts.due",
    rule: "handles each time-out once, although an attempt failed and nothing is stored any more, and forgets it then",
    async run(context) {
      const handled: string[] = [];
      let failures = 1;
      const { runner, clock } = await start(context, (order) => {
        if (failures-- > 0) throw new Error("not yet");
        handled.push(order);
      });
      for (const order of ["order-1", "order-2"]) await append(context.store, order, 1, "Placed");
      await toHead(context, runner);
      // The machine's date is far ahead of the clock of the case.
      clock.advance(YEAR_MS * 100);

      await passing(context, clock, () => handled.length >= 2, "two time-outs to be handled");
      await stop(context, runner);
      const second = await start(context, (order) => void handled.push(order));
      await toHead(context, second.runner);
      second.clock.advance(YEAR_MS * 100);
      for (let turn = 0; turn < 50; turn += 1) await nextTurn();

      expect(handled.toSorted()).toStrictEqual(["order-1", "order-2"]);
      expect(await listTimeouts(context.store.registers, "reminding")).toStrictEqual([]);
    },
  },
  {
    id: "timeouts.late-news",
    rule: "handles no time-out that was cancelled by an event which was stored before, however late the news of that is",
    async run(context) {
      const handled: string[] = [];
      const { runner, clock, news } = await start(context, (order) => void handled.push(order));
      for (const order of ["order-1", "order-2"]) await append(context.store, order, 1, "Placed");
      await toHead(context, runner);
      news.hold();
      await append(context.store, "order-1", 1, "Paid");
      clock.advance(YEAR_MS * 100);
      for (let turn = 0; turn < 50; turn += 1) await nextTurn();

      news.release();
      await passing(context, clock, () => handled.includes("order-2"), "a time-out to be handled");

      expect(handled).toStrictEqual(["order-2"]);
    },
  },
];
