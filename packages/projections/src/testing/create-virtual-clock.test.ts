import { describe, expect, it } from "vitest";
import { createVirtualClock } from "./index.ts";

describe("a virtual clock", () => {
  it("stands still until it is moved, and wakes who waited so long", async () => {
    const clock = createVirtualClock({ startAt: 1_000 });
    const woken: string[] = [];
    void clock.delay(60_000).then(() => woken.push("minute"));
    void clock.delay(86_400_000).then(() => woken.push("day"));

    expect([clock.now(), clock.monotonic()]).toStrictEqual([1_000, 0]);
    await clock.advance(60_000);

    expect(woken).toStrictEqual(["minute"]);
    expect(clock.now()).toBe(61_000);
    await clock.advance(86_400_000);
    expect(woken).toStrictEqual(["minute", "day"]);
  });

  it("lets short waits pass at once, and others end with their signal", async () => {
    const clock = createVirtualClock({ instantUpToMs: 500 });
    const ending = new AbortController();
    const long = clock.delay(501, ending.signal);

    await clock.delay(500);
    ending.abort();

    expect(clock.monotonic()).toBe(500);
    await expect(long).rejects.toMatchObject({ code: "ES_ABORTED" });
  });
});
