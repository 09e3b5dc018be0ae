import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Wait, Waits } from "./waits.ts";

describe("what is waited for", () => {
  let waits: Waits;
  let order: string[];

  beforeEach(() => {
    vi.useFakeTimers();
    waits = new Waits();
    order = [];
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  function begin(name: string, ms: number, call: Parameters<Waits["begin"]>[0] = {}): Wait {
    const wait = waits.begin(
      call,
      ms,
      () => {
        order.push(`${name} is due`);
        waits.end(wait);
      },
      (error) => {
        order.push(`${name}: ${error.name}`);
        waits.end(wait);
      },
    );
    return wait;
  }

  it("is due after its own time, whenever the others are", () => {
    begin("late", 300);
    begin("early", 100);
    begin("middle", 200);

    vi.advanceTimersByTime(99);
    expect(order).toStrictEqual([]);
    vi.advanceTimersByTime(1);
    expect(order).toStrictEqual(["early is due"]);
    vi.advanceTimersByTime(100);
    expect(order).toStrictEqual(["early is due", "middle is due"]);
    vi.advanceTimersByTime(100);
    expect(order).toStrictEqual(["early is due", "middle is due", "late is due"]);
  });

  it("is due in time when the timer was set for one that is over", () => {
    const first = begin("first", 100);
    waits.end(first);
    vi.advanceTimersByTime(60);
    begin("second", 100);

    vi.advanceTimersByTime(99);
    expect(order).toStrictEqual([]);
    vi.advanceTimersByTime(1);
    expect(order).toStrictEqual(["second is due"]);
  });

  it("is due later when it was given more time", () => {
    const wait = begin("read", 100);
    vi.advanceTimersByTime(90);
    wait.dueAt = performance.now() + 100;

    vi.advanceTimersByTime(99);
    expect(order).toStrictEqual([]);
    vi.advanceTimersByTime(1);
    expect(order).toStrictEqual(["read is due"]);
  });

  it("is not due once nobody waits for it any more, and leaves no timer behind", () => {
    waits.end(begin("first", 100));

    vi.advanceTimersByTime(1_000);

    expect(order).toStrictEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ends with its signal, and listens to it no longer than it waits", () => {
    const controller = new AbortController();
    const { signal } = controller;
    const remove = vi.spyOn(signal, "removeEventListener");
    begin("aborted", 100, { signal });
    begin("other", 200);
    waits.end(begin("over", 100, { signal }));
    expect(remove).toHaveBeenCalledOnce();

    controller.abort();
    vi.advanceTimersByTime(200);

    expect(order).toStrictEqual(["aborted: AbortedError", "other is due"]);
    expect(remove).toHaveBeenCalledTimes(2);
  });

  it("ends with the store, unless it must be settled", () => {
    begin("read", 100);
    begin("append", 100, { mustSettle: true });

    waits.close();
    expect(order).toStrictEqual(["read: StoreClosedError"]);
    vi.advanceTimersByTime(100);
    expect(order).toStrictEqual(["read: StoreClosedError", "append is due"]);
  });
});

describe("the timer of all that is waited for", () => {
  /** How many timers keep the process from ending. */
  const held = (): number => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;

  it("keeps the process from ending while something is waited for, and no longer", () => {
    const waits = new Waits();
    const begin = (): Wait =>
      waits.begin(
        {},
        60_000,
        () => undefined,
        () => undefined,
      );
    const before = held();
    const counts: number[] = [];

    const first = begin();
    const second = begin();
    counts.push(held() - before);
    waits.end(first);
    counts.push(held() - before);
    waits.end(second);
    counts.push(held() - before);
    const third = begin();
    counts.push(held() - before);
    waits.end(third);

    expect(counts).toStrictEqual([1, 1, 0, 1]);
  });
});
