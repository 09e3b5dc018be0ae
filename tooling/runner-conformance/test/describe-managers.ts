import type { EventStore } from "@es/core";
import { listTimeouts } from "@es/projections";
import { Child } from "test-helpers";
import { describe, expect, it } from "vitest";
import { owedToCustomers, placeOrders, remindedOf, toldCustomers } from "./child/fulfilment.ts";
import type { Task } from "./child/manage.ts";
import type { ChildReport } from "./child/report.ts";
import type { Place } from "./child/share.ts";

/** Where orders are placed, and where a process manager reacts to them in processes of its own. */
export interface OpenedManagers extends AsyncDisposable {
  readonly place: Place;
  readonly store: EventStore<unknown>;
}

function startManager(task: Task): Child<ChildReport> {
  return new Child(new URL("./child/manage.ts", import.meta.url), task);
}

/** Registers what must hold when real processes run a process manager, and are killed. */
export function describeManagers(name: string, open: () => Promise<OpenedManagers>): void {
  describe(`a process manager over ${name}`, () => {
    it("reacts once to each event and each time-out while its processes are killed again and again", {
      timeout: 120_000,
    }, async () => {
      await using opened = await open();
      const { place, store } = opened;
      const run = (dieAt?: number): Child<ChildReport> =>
        startManager({ place, ...(dieAt === undefined ? {} : { dieAt }) });
      let orders = 0;
      const order = async (count: number): Promise<void> => {
        await placeOrders(
          store,
          Array.from({ length: count }, (_, index) => orders + index),
        );
        orders += count;
      };

      // Behind writes of events, of time-outs and of checkpoints, in the middle of pages.
      for (const dieAt of [2, 3, 4, 5, 8, 13]) {
        await order(5);
        await using victim = run(dieAt);
        await expect(victim.done).rejects.toThrow("ended with SIGKILL");
      }
      for (let round = 0; round < 4; round += 1) {
        await order(15);
        await using victim = run();
        // In some rounds among the events, in others among the time-outs, which come when it has caught up.
        if (round % 2 === 1) await victim.said(({ kind }) => kind === "caught-up");
        victim.lines.length = 0;
        await victim.said(({ kind }) => kind === "progress", 1 + round);
        await victim.kill();
      }
      await using last = run();
      await remindedOf(store, orders);
      expect(await last.stop()).toBe("0");
      // Whoever comes next finds nothing that is left to do.
      await using idle = run();
      await idle.said(({ kind }) => kind === "caught-up");
      expect(await idle.stop()).toBe("0");

      expect(await listTimeouts(store.registers, "fulfilment")).toStrictEqual([]);
      expect(await toldCustomers(store)).toStrictEqual(owedToCustomers(orders));
    });

    it("leaves the work to the process that was started last, when two run it that do not share", {
      timeout: 60_000,
    }, async () => {
      await using opened = await open();
      const { place, store } = opened;
      await using first = startManager({ place });
      await first.said(({ kind }) => kind === "caught-up");
      await placeOrders(store, [0, 1, 2]);
      await using second = startManager({ place });
      await second.said(({ kind }) => kind === "caught-up");
      await placeOrders(store, [3, 4, 5, 6, 7, 8]);

      await first.said(({ kind, code }) => kind === "failed" && code === "ES_CHECKPOINT_CONFLICT");
      await remindedOf(store, 9);
      expect(await Promise.all([first.stop(), second.stop()])).toStrictEqual(["0", "0"]);

      expect(await toldCustomers(store)).toStrictEqual(owedToCustomers(9));
    });
  });
}
