import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AbortedError } from "../errors/store-errors.ts";
import { delay, throwIfAborted } from "./abort.ts";
import { WakeUp } from "./wake-up.ts";

describe("WakeUp", () => {
  it("wakes every reader that waits", async () => {
    const wakeUp = new WakeUp();
    const readers = [wakeUp.wait(wakeUp.epoch), wakeUp.wait(wakeUp.epoch)];

    wakeUp.notify();

    await Promise.all(readers);
    expect(wakeUp.waiting).toBe(0);
  });

  it("does not miss what happened between the read and the wait", async () => {
    const wakeUp = new WakeUp();
    const { epoch } = wakeUp;

    wakeUp.notify();

    await expect(wakeUp.wait(epoch)).resolves.toBeUndefined();
  });

  it("forgets a reader whose signal aborts, and keeps its reason", async () => {
    const wakeUp = new WakeUp();
    const controller = new AbortController();
    const waiting = wakeUp.wait(wakeUp.epoch, controller.signal);

    controller.abort("shutdown");

    await expect(waiting).rejects.toMatchObject({ code: "ES_ABORTED", cause: "shutdown" });
    expect(wakeUp.waiting).toBe(0);
    await expect(wakeUp.wait(wakeUp.epoch, controller.signal)).rejects.toBeInstanceOf(AbortedError);
  });
});

describe("delay", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it("waits for its time", async () => {
    const waiting = delay(1_000);

    await vi.advanceTimersByTimeAsync(1_000);

    await expect(waiting).resolves.toBeUndefined();
  });

  it("ends at once when the signal aborts, and leaves no timer", async () => {
    const controller = new AbortController();
    const waiting = delay(1_000, controller.signal);

    controller.abort("shutdown");

    await expect(waiting).rejects.toMatchObject({ code: "ES_ABORTED", cause: "shutdown" });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("throwIfAborted", () => {
  it("throws for an aborted signal only", () => {
    expect(() => throwIfAborted(undefined)).not.toThrow();
    expect(() => throwIfAborted(new AbortController().signal)).not.toThrow();
    expect(() => throwIfAborted(AbortSignal.abort())).toThrow(AbortedError);
  });
});
