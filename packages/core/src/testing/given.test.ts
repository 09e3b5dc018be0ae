import { describe, expect, it } from "vitest";
import { Counter, Tally, TooMuch } from "../../test/counter.ts";
import { given } from "./given.ts";

const add = (amount: number): { readonly type: "Add"; readonly data: { readonly amount: number } } => ({
  type: "Add",
  data: { amount },
});

describe("given", () => {
  it("applies the past", () => {
    given(Counter, { type: "Added", data: { amount: 2 } }).thenState({ label: "", total: 2, amounts: [2] });
  });

  it("refuses a past that breaks its schema", () => {
    expect(() =>
      given(Counter, { type: "Added", data: { amount: Number.NaN } }).thenState(Counter.initialState()),
    ).toThrow(/"Added"/);
  });

  it("begins with the same past for every command", () => {
    const past = given(Counter, { type: "Added", data: { amount: 1 } });

    past.when(add(1)).thenState({ label: "", total: 2, amounts: [1, 1] });
    past.when(add(2)).thenEmits({ type: "Added", data: { amount: 2 } });
    past.thenState({ label: "", total: 1, amounts: [1] });
  });
});

describe("thenEmits", () => {
  it("passes for exactly the emitted events", () => {
    given(Counter)
      .when({ type: "AddTwice", data: { amount: 1 } })
      .thenEmits({ type: "Added", data: { amount: 1 } }, { type: "Added", data: { amount: 1 } });
  });

  it.each([1, 3])("fails for another number of events", (count) => {
    const events = Array.from({ length: count }, () => ({ type: "Added", data: { amount: 1 } }) as const);

    expect(() =>
      given(Counter)
        .when({ type: "AddTwice", data: { amount: 1 } })
        .thenEmits(...events),
    ).toThrow();
  });

  it("fails for other data and for another order", () => {
    const when = given(Tally).whenCalling((tally) => {
      tally.execute({ type: "Open", data: { label: "a" } });
      tally.execute({ type: "Add", data: { amounts: [1] } });
    });

    expect(() =>
      when.thenEmits({ type: "Opened", data: { label: "b" } }, { type: "Added", data: { amount: 1 } }),
    ).toThrow();
    expect(() =>
      when.thenEmits({ type: "Added", data: { amount: 1 } }, { type: "Opened", data: { label: "a" } }),
    ).toThrow();
  });

  it("fails when the command was refused, and says why", () => {
    expect(() => given(Counter).when(add(2_000)).thenEmits()).toThrow(
      "the command was refused: a counter ends at 1000",
    );
  });
});

describe("thenNothing", () => {
  it("passes when nothing was emitted", () => {
    given(Counter).when({ type: "Nothing", data: {} }).thenNothing();
  });

  it("fails when something was emitted or thrown", () => {
    expect(() => given(Counter).when(add(1)).thenNothing()).toThrow();
    expect(() => given(Counter).when(add(2_000)).thenNothing()).toThrow("was refused");
  });
});

describe("thenState", () => {
  it("checks the state after the command", () => {
    const when = given(Counter).when(add(3));

    when.thenState({ label: "", total: 3, amounts: [3] });
    expect(() => when.thenState({ label: "", total: 4, amounts: [3] })).toThrow();
  });

  it("fails when the command was refused", () => {
    expect(() => given(Counter).when(add(2_000)).thenState(Counter.initialState())).toThrow("was refused");
  });
});

describe("thenThrows", () => {
  it.each([TooMuch, "ends at 1000", /1000$/, { check: (error: unknown) => error instanceof TooMuch }])(
    "passes for %s",
    (expected) => {
      given(Counter).when(add(2_000)).thenThrows(expected);
    },
  );

  it.each([TypeError, "another message", /nothing/, { check: () => false }])(
    "fails for %s and says what was thrown",
    (expected) => {
      expect(() => given(Counter).when(add(2_000)).thenThrows(expected)).toThrow(
        "refused with another error: a counter ends at 1000",
      );
    },
  );

  it("fails when nothing was thrown", () => {
    expect(() => given(Counter).when(add(1)).thenThrows(TooMuch)).toThrow("should have been refused");
  });

  it("fails when the refused command has left something behind", () => {
    const when = given(Tally).whenCalling((tally) => {
      tally.execute({ type: "Add", data: { amounts: [1] } });
      throw new TooMuch("too late");
    });

    expect(() => when.thenThrows(TooMuch)).toThrow();
  });
});
