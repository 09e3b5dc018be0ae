import { CancelledError, END, NO_STREAM, START, UnavailableError } from "@kurrent/kurrentdb-client";
import { type KurrentDouble, startKurrentDouble } from "kurrentdb-double";
import { describe, expect, it } from "vitest";
import { collect, connect, isPending, numbered, PATIENTLY, received, revisions } from "./client.ts";

describe("an answer that is lost", () => {
  it.each([
    { moment: "before", written: 0 },
    { moment: "after", written: 1 },
  ] as const)(
    "with its connection $moment the work leaves $written events, and the same append again one",
    async ({ moment, written }) => {
      await using double = await startKurrentDouble();
      await using connection = connect(double);
      const { client } = connection;
      await client.appendToStream("other", numbered(1));
      double.misbehave({ on: "append", how: "drop", moment, times: 1 });
      const append = () => client.appendToStream("s", event, { streamState: NO_STREAM });
      const event = numbered(1);

      await expect(append()).rejects.toSatisfy(isLost);
      expect(countOf(double, "s")).toBe(written);
      expect(await append()).toMatchObject({ nextExpectedRevision: 0n });
      expect(countOf(double, "s")).toBe(1);
    },
  );

  it("leaves other connections alone", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(1));
    const subscription = client.subscribeToAll({ fromPosition: END });
    const events = received(subscription);
    await new Promise((resolve) => subscription.once("caughtUp", resolve));
    double.misbehave({ on: "read", how: "drop", times: 1 });

    await expect(collect(client.readStream("s"))).rejects.toThrow(UnavailableError);
    await client.appendToStream("s", numbered(1));
    await events.count(1);

    await subscription.unsubscribe();
    await expect.poll(() => collect(client.readStream("s")).then(revisions, String), PATIENTLY).toEqual([0n, 1n]);
  });

  it("with the end of the call without an error leaves the client waiting, and also for later appends", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(1));
    const fault = double.misbehave({ on: "append", how: "end", moment: "after", times: 1 });

    const lost = client.appendToStream("s", numbered(1));
    await fault.hit;
    const later = client.appendToStream("s", numbered(1));

    expect(await isPending(lost)).toBe(true);
    expect(await isPending(later)).toBe(true);
    expect(countOf(double, "s")).toBe(2);
    await using second = connect(double);
    expect(await second.client.appendToStream("s", numbered(1))).toMatchObject({ nextExpectedRevision: 2n });
  });
});

describe("a subscription", () => {
  it("fails when its connection is dropped, and the events it got are the first ones", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(5));
    double.misbehave({ on: "subscribe", how: "drop", afterEvents: 3, times: 1 });

    const events = received(client.subscribeToStream("s", { fromRevision: START }));

    await expect(events.ended).rejects.toSatisfy(isLost);
    expect([0n, 1n, 2n].slice(0, events.all.length)).toEqual(revisions(events.all));
    await expect.poll(() => double.subscriptions, PATIENTLY).toEqual([]);
    const again = client.subscribeToStream("s", { fromRevision: START });
    await received(again).count(5);
    await again.unsubscribe();
  });

  it("ends without an error when the server says so", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(5));
    double.misbehave({ on: "subscribe", how: "end", afterEvents: 2 });

    const events = received(client.subscribeToStream("s", { fromRevision: START }));
    await events.ended;

    expect(revisions(events.all)).toEqual([0n, 1n]);
  });

  it("fails when all connections are dropped while it is live", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const subscription = connection.client.subscribeToAll({ fromPosition: END });
    const caughtUp = new Promise((resolve) => subscription.once("caughtUp", resolve));
    const events = received(subscription);
    await caughtUp;

    double.dropConnections();

    await expect(events.ended).rejects.toSatisfy(isLost);
  });
});

describe("half-open connections", () => {
  it("carry nothing, in either direction, until all is well again", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(1));
    await collect(client.readStream("s"));
    double.freezeConnections();

    const append = client.appendToStream("s", numbered(1));
    const read = collect(client.readStream("s"));
    await using second = connect(double);
    const other = second.client.appendToStream("s", numbered(1));
    const firstRead = collect(second.client.readStream("s"));

    expect(await isPending(Promise.race([append, read, other, firstRead]))).toBe(true);
    expect(countOf(double, "s")).toBe(1);
    // Clients of one process share the connection for all but reads: a new client is as stuck as the old one.
    expect(double.connectionCount).toBe(3);
    double.behave();
    await Promise.all([append, other]);
    expect(countOf(double, "s")).toBe(3);
    expect((await read).length).toBeGreaterThanOrEqual(1);
    expect((await firstRead).length).toBeGreaterThanOrEqual(1);
  });
});

function countOf(double: KurrentDouble, streamName: string): number {
  return double.log.filter((event) => event.streamName === streamName).length;
}

/** The client gives one or the other, by where it notices first. */
function isLost(error: unknown): boolean {
  return error instanceof UnavailableError || error instanceof CancelledError;
}
