import { describe, expect, it } from "vitest";
import { CallGate } from "./call-gate.ts";

describe("the gate", () => {
  it("lets so many in, and the next one when one leaves, in the order in which they came", async () => {
    const gate = new CallGate(2);
    const order: number[] = [];
    const calls = [1, 2, 3, 4].map((number) => {
      const { turn, leave } = gate.enter();
      void (turn ?? Promise.resolve()).then(() => order.push(number));
      return leave;
    });
    await Promise.resolve();
    await Promise.resolve();
    expect(order).toStrictEqual([1, 2]);

    calls[1]?.();
    calls[0]?.();
    await new Promise((resolve) => setTimeout(resolve));

    expect(order).toStrictEqual([1, 2, 3, 4]);
  });

  it("gives the place of one who left the line to nobody, and no place twice", async () => {
    const gate = new CallGate(1);
    const first = gate.enter();
    const impatient = gate.enter();
    impatient.leave();
    first.leave();

    expect(gate.enter().turn).toBeUndefined();
    expect(gate.enter().turn).toBeInstanceOf(Promise);
  });
});
