import {
  AccessDeniedError,
  DeadlineExceededError,
  type KurrentDBClient,
  MaxAppendSizeExceededError,
  NotLeaderError,
  START,
  StreamNotFoundError,
  UnavailableError,
  UnknownError,
} from "@kurrent/kurrentdb-client";
import { type KurrentDouble, startKurrentDouble } from "kurrentdb-double";
import { describe, expect, it } from "vitest";
import { collect, connect, numbered, received } from "./client.ts";

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

  it.each([true, false])(
    "what is too large, by two limits that the client tells apart (in a batch: %s)",
    async (batchAppend) => {
      await using double = await startKurrentDouble({ features: { batchAppend } });
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
    },
  );
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
