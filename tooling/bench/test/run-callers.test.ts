import { expect, it } from "vitest";
import { runCallers } from "../src/run-callers.ts";

it("makes every turn of every caller, each caller one after the other", async () => {
  const seen: string[] = [];

  await runCallers({ callers: 3, turns: 2, timeEvery: 1 }, async (caller, turn) => {
    seen.push(`${caller}.${turn}`);
  });

  expect(seen.toSorted()).toEqual(["0.0", "0.1", "1.0", "1.1", "2.0", "2.1"]);
  expect(seen.indexOf("1.0")).toBeLessThan(seen.indexOf("1.1"));
});

it("times every call, or each n-th", async () => {
  const all = await runCallers({ callers: 1, turns: 10, timeEvery: 1 }, () => undefined);
  const some = await runCallers({ callers: 1, turns: 10, timeEvery: 4 }, () => undefined);

  expect(all.latenciesMs).toHaveLength(10);
  expect(some.latenciesMs).toHaveLength(3);
});

it("does not let a lone synchronous caller wait for a turn of the event loop or a promise", async () => {
  const order: string[] = [];

  const run = runCallers({ callers: 1, turns: 2, timeEvery: 1 }, () => order.push("call"));
  order.push("after");
  await run;

  expect(order).toEqual(["call", "call", "after"]);
});
