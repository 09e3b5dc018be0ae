import {
  AccessDeniedError,
  CancelledError,
  DeadlineExceededError,
  END,
  type KurrentDBClient,
  MaxAppendSizeExceededError,
  NO_STREAM,
  NotLeaderError,
  START,
  StreamNotFoundError,
  UnavailableError,
  UnknownError,
} from "@kurrent/kurrentdb-client";
import { type KurrentDouble, startKurrentDouble } from "kurrentdb-double";
import { describe, expect, it } from "vitest";
import { collect, connect, isPending, numbered, received, revisions } from "./client.ts";

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
    await expect.poll(() => given.length).toBe(64);
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
    await expect.poll(() => collect(client.readStream("s")).then(revisions, String)).toEqual([0n, 1n]);
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
    await expect.poll(() => double.subscriptions).toEqual([]);
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

describe("a server that refuses", () => {
  type Call = {
    readonly on: "append" | "read" | "subscribe" | "delete";
    run(client: KurrentDBClient): Promise<unknown>;
  };
  const CALLS: readonly Call[] = [
    { on: "append", run: (client) => client.appendToStream("s", numbered(1)) },
    { on: "read", run: (client) => collect(client.readStream("s")) },
    { on: "subscribe", run: (client) => received(client.subscribeToStream("s", { fromRevision: START })).ended },
    { on: "delete", run: (client) => client.deleteStream("s") },
  ];

  async function failureOf({ on, run }: Call, fault: object, batchAppend = true): Promise<unknown> {
    await using double = await startKurrentDouble({ features: { batchAppend } });
    await using connection = connect(double);
    await connection.client.appendToStream("s", numbered(1));
    double.misbehave({ on, how: "deny", ...fault });
    return await run(connection.client).catch((error) => error);
  }

  it.each(CALLS)("by denying access to $on", async (call) => {
    expect(await failureOf(call, { how: "deny" })).toBeInstanceOf(AccessDeniedError);
  });

  it.each(CALLS)("by naming another leader to $on", async (call) => {
    const failure = await failureOf(call, { how: "wrong-leader", host: "127.0.0.1", port: 1 });

    expect(failure).toBeInstanceOf(NotLeaderError);
    expect(failure).toMatchObject({ leader: { address: "127.0.0.1", port: 1 } });
  });

  it.each(CALLS.slice(1))("by not being ready for $on", async (call) => {
    expect(await failureOf(call, { how: "not-ready" })).toBeInstanceOf(UnavailableError);
  });

  it.each(CALLS.slice(0, 1))(
    "by not being ready for $on, which the client does not understand in a batch",
    async (call) => {
      expect(await failureOf(call, { how: "not-ready" })).toBeInstanceOf(UnknownError);
      expect(await failureOf(call, { how: "not-ready" }, false)).toBeInstanceOf(UnavailableError);
    },
  );

  it.each(CALLS.slice(0, 1))("by a time-out of $on, after which the events may be there", async (call) => {
    const timeout = { how: "timeout", moment: "after" };

    expect(await failureOf(call, timeout)).toBeInstanceOf(DeadlineExceededError);
    expect(await failureOf(call, timeout, false)).toBeInstanceOf(UnknownError);
  });

  it("by denying the discovery of methods keeps the client out until it is replaced", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const append = () => connection.client.appendToStream("s", numbered(1));
    const fault = double.misbehave({ on: "methods", how: "fail", code: 7, times: 1 });

    await expect(append()).rejects.toThrow();
    await expect(append()).rejects.toThrow();

    expect(fault.hits).toBe(1);
    await using second = connect(double);
    await second.client.appendToStream("s", numbered(1));
  });

  it("what is too large, by two limits that the client tells apart", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const append = (count: number) => connection.client.appendToStream("s", numbered(count));

    double.limitSizes({ appendBytes: 50 });
    await expect(append(5)).rejects.toThrow(MaxAppendSizeExceededError);
    await append(1);
    double.limitSizes({ eventBytes: 10 });
    await expect(append(1)).rejects.toThrow(UnknownError);
    double.behave();
    await append(5);
    expect(countOf(double, "s")).toBe(6);
  });
});

describe("a client that reads first when nobody answers", () => {
  it("reads nothing ever after, unlike a new one", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double, "maxDiscoverAttempts=1");
    await double.stop();
    const read = (client: KurrentDBClient) => collect(client.readStream("s"));

    await expect(read(connection.client)).rejects.toThrow(UnavailableError);
    await double.restart();

    await expect(read(connection.client)).rejects.toThrow(UnavailableError);
    await using second = connect(double);
    await expect(read(second.client)).rejects.toThrow(StreamNotFoundError);
  });
});

function countOf(double: KurrentDouble, streamName: string): number {
  return double.log.filter((event) => event.streamName === streamName).length;
}

/** The client gives one or the other, by where it notices first. */
function isLost(error: unknown): boolean {
  return error instanceof UnavailableError || error instanceof CancelledError;
}
