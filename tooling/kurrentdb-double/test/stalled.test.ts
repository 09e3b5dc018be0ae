import { START } from "@kurrent/kurrentdb-client";
import { startKurrentDouble } from "kurrentdb-double";
import { describe, expect, it } from "vitest";
import { collect, connect, isPending, numbered, PATIENTLY } from "./client.ts";

describe("a stalled", () => {
  it("append is neither written nor answered until it is released", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const fault = double.misbehave({ on: "append", how: "stall", stream: "s" });

    const append = connection.client.appendToStream("s", numbered(1));
    await fault.hit;
    await connection.client.appendToStream("other", numbered(1));

    expect(await isPending(append)).toBe(true);
    expect(double.log.map(({ streamName }) => streamName)).toEqual(["$epoch-information", "other"]);
    fault.release();
    expect(await append).toMatchObject({ nextExpectedRevision: 0n });
  });

  it("answer to an append leaves the append written", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const fault = double.misbehave({ on: "append", how: "stall", moment: "after" });

    const append = connection.client.appendToStream("s", numbered(1));
    await fault.hit;

    expect(await isPending(append)).toBe(true);
    expect(double.log.at(-1)?.streamName).toBe("s");
    fault.release();
    await append;
  });

  it("read gives nothing, or nothing more", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(100));
    const first = double.misbehave({ on: "read", how: "stall", times: 1 });
    const read = collect(client.readStream("s"));
    await first.hit;
    expect(await isPending(read)).toBe(true);
    first.release();
    expect(await read).toHaveLength(100);

    const later = double.misbehave({ on: "read", how: "stall", afterEvents: 70 });
    const given: unknown[] = [];
    const reading = (async () => {
      for await (const event of client.readStream("s")) given.push(event);
    })();
    await later.hit;
    // The client hands reads on in lots of 64.
    await expect.poll(() => given.length, PATIENTLY).toBe(64);
    expect(await isPending(reading)).toBe(true);
    later.release();
    await reading;
    expect(given).toHaveLength(100);
  });

  it("discovery of methods holds up all that goes over that connection, and only that", async () => {
    await using double = await startKurrentDouble();
    await using first = connect(double);
    const fault = double.misbehave({ on: "methods", how: "stall", times: 1 });

    const append = first.client.appendToStream("s", numbered(1));
    await fault.hit;
    await using second = connect(double);
    await second.client.appendToStream("s", numbered(1));

    expect(await isPending(append)).toBe(true);
    fault.release();
    await append;
  });

  it("subscription confirms nothing", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const fault = double.misbehave({ on: "subscribe", how: "stall" });
    let isConfirmed = false;

    const subscription = connection.client.subscribeToAll({ fromPosition: START });
    subscription.once("confirmation", () => {
      isConfirmed = true;
    });
    subscription.on("error", () => {});
    await fault.hit;

    expect(double.subscriptions).toEqual([]);
    expect(isConfirmed).toBe(false);
    await subscription.unsubscribe();
  });

  it("call is slow when asked for, and counted", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const fault = double.misbehave({ on: "append", how: "slow", delayMs: 60, skip: 1, times: 1 });
    const { client } = connection;
    await client.appendToStream("s", numbered(1));
    expect(fault.hits).toBe(0);

    const start = performance.now();
    await client.appendToStream("s", numbered(1));

    expect(performance.now() - start).toBeGreaterThanOrEqual(55);
    await client.appendToStream("s", numbered(1));
    expect(fault.hits).toBe(1);
  });
});
