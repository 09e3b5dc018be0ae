import { StoreUnavailableError } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import { createProjectionRunner, defineProjection, progressLine, type RunnerOptions } from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { Reports } from "./reports.ts";
import { VirtualClock } from "./virtual-clock.ts";

function run(options: Omit<RunnerOptions, "clock">, onEvent: (amount: number) => void | Promise<void>) {
  const projection = defineProjection({
    name: "failing",
    events: accountEvents,
    types: ["Deposited"],
    handlers: { Deposited: ({ data }) => onEvent(data.amount) },
  });
  return createProjectionRunner(projection, { ...options, clock: new VirtualClock(30_000) });
}

describe("an event whose handler fails", () => {
  it("has all its attempts although an outage came first", async () => {
    await using store = createMemoryEventStore();
    const position = await deposit(store, "a-1", 1);
    const failures = [
      ...Array.from({ length: 6 }, () => new StoreUnavailableError("away")),
      new Error("a bad moment"),
      new StoreUnavailableError("away again"),
      new Error("another one"),
    ];
    await using runner = run({ store, onFailure: "park", retry: { maxAttempts: 3 } }, () => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
    });

    await runner.start();
    await runner.waitFor(position, { timeoutMs: 100_000 });

    expect(runner.parked()).toStrictEqual([]);
    expect(failures).toStrictEqual([]);
  });

  it("does not have more attempts for each outage in between", async () => {
    await using store = createMemoryEventStore();
    const position = await deposit(store, "a-1", 1);
    let attempts = 0;
    await using runner = run({ store, onFailure: "park", retry: { maxAttempts: 3 } }, () => {
      attempts += 1;
      throw attempts % 2 === 0 ? new StoreUnavailableError("away") : new Error("no");
    });

    await runner.start();
    await runner.waitFor(position, { timeoutMs: 100_000 });

    expect(attempts).toBe(5);
    expect(runner.parked()).toMatchObject([{ streamId: "a-1", attempts: 5, error: "no" }]);
  });

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["a text", "no"],
    ["a symbol", Symbol("no")],
    ["a number that JSON has not", 10n],
    ["an object without a prototype", Object.create(null)],
    ["a frozen error", Object.freeze(new Error("no"))],
    ["an error without words", Object.assign(new Error("x"), { message: undefined })],
    ["an error with a number for words", Object.assign(new Error("x"), { message: 7 })],
    ["an error that cannot be looked at", Object.defineProperty(new Error("x"), "message", { get: cannot })],
    ["an error whose code cannot be looked at", Object.defineProperty(new Error("x"), "code", { get: cannot })],
    ["an object that cannot be looked at", new Proxy({}, { get: cannot, getPrototypeOf: cannot })],
  ])("is parked when that throws %s", async (_name, thrown: unknown) => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    const position = await deposit(store, "b-1", 2);
    const reports = new Reports();
    await using runner = run(
      { store, onFailure: "park", retry: { maxAttempts: 2 }, onReport: reports.listener },
      (n) => {
        if (n === 1) throw thrown;
      },
    );

    await runner.start();
    await runner.waitFor(position, { timeoutMs: 100_000 });

    expect(runner.parked()).toMatchObject([{ streamId: "a-1", error: expect.any(String) }]);
    await expect(runner.replayParked()).rejects.toMatchObject({ code: "ES_HANDLER_FAILED" });
    expect(progressLine({ ...runner.status(), lastError: thrown })).toMatch(/^failing: /);
  });
});

function cannot(): never {
  throw new Error("cannot be looked at");
}
