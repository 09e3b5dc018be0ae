import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { StreamTurns } from "./stream-turns.ts";

/** Queues, and notes when it is its turn. */
function queue(turns: StreamTurns, order: string[], name: string, ...streamIds: readonly string[]): () => void {
  const { turn, leave } = turns.queue(streamIds);
  if (turn === undefined) order.push(name);
  else void turn.then(() => order.push(name));
  return leave;
}

describe("turns of a stream", () => {
  it("come one after the other, in the order in which they were asked for", async () => {
    const turns = new StreamTurns();
    const order: string[] = [];
    const leaveFirst = queue(turns, order, "first", "a");
    const leaveSecond = queue(turns, order, "second", "a");

    await nextTurn();
    expect(order).toStrictEqual(["first"]);
    leaveFirst();
    queue(turns, order, "third", "a");
    await nextTurn();
    expect(order).toStrictEqual(["first", "second"]);
    leaveSecond();
    await nextTurn();
    expect(order).toStrictEqual(["first", "second", "third"]);
  });

  it("do not wait for those of other streams, and for all of those that are named", async () => {
    const turns = new StreamTurns();
    const order: string[] = [];
    const leaveA = queue(turns, order, "a", "a");
    const leaveB = queue(turns, order, "b", "b");
    queue(turns, order, "both", "a", "b");

    leaveA();
    await nextTurn();
    expect(order).toStrictEqual(["a", "b"]);
    leaveB();
    await nextTurn();
    expect(order).toStrictEqual(["a", "b", "both"]);
  });

  it("of one who gives up waiting do not let the next one pass those in front", async () => {
    const turns = new StreamTurns();
    const order: string[] = [];
    const leaveFirst = queue(turns, order, "first", "a");
    const giveUp = turns.queue(["a"]).leave;
    queue(turns, order, "third", "a");

    giveUp();
    await nextTurn();
    expect(order).toStrictEqual(["first"]);
    leaveFirst();
    await nextTurn();
    expect(order).toStrictEqual(["first", "third"]);
  });

  it("are free again once everybody has left", async () => {
    const turns = new StreamTurns();
    const order: string[] = [];
    const leaves = ["first", "second"].map((name) => queue(turns, order, name, "a"));

    for (const leave of leaves) leave();
    await nextTurn();

    expect(turns.queue(["a"]).turn).toBeUndefined();
  });
});
