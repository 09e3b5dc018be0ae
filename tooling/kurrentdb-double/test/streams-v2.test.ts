import {
  AppendConsistencyViolationError,
  AppendRecordSizeExceededError,
  jsonEvent,
  NO_STREAM,
  StreamTombstonedError,
  TransactionMaxSizeExceededError,
  UnsupportedError,
  WrongExpectedVersionError,
} from "@kurrent/kurrentdb-client";
import { startKurrentDouble } from "kurrentdb-double";
import { describe, expect, it } from "vitest";
import { collect, connect, numbered } from "./client.ts";

describe("an append to several streams", () => {
  it("is written as a whole", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("b", numbered(1));

    const result = await client.multiStreamAppend([
      { streamName: "a", events: numbered(2), expectedState: NO_STREAM },
      { streamName: "b", events: numbered(1), expectedState: 0n },
    ]);

    expect(result.responses).toEqual([
      { streamName: "a", revision: 1n },
      { streamName: "b", revision: 1n },
    ]);
    expect(result.position).toBe(double.log.at(-1)?.position);
    expect(double.log.map(({ streamName }) => streamName)).toEqual(["$epoch-information", "b", "a", "a", "b"]);
  });

  it("is refused as a whole, with the stream that has moved", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("b", numbered(1));
    const before = double.log.length;

    const refusal: unknown = await client
      .multiStreamAppend([
        { streamName: "a", events: numbered(2), expectedState: NO_STREAM },
        { streamName: "b", events: numbered(1), expectedState: NO_STREAM },
      ])
      .catch((error) => error);

    expect(refusal).toBeInstanceOf(WrongExpectedVersionError);
    expect(refusal).toMatchObject({ streamName: "b", expectedState: "no_stream", actualState: 0n });
    expect(double.log).toHaveLength(before);
  });

  it("with the same ids at the same places is answered as the first time", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    const requests = [
      { streamName: "a", events: numbered(2), expectedState: NO_STREAM },
      { streamName: "b", events: numbered(1), expectedState: NO_STREAM },
    ] as const;
    const toRequests = () => requests.map((request) => ({ ...request, events: [...request.events] }));
    const first = await client.multiStreamAppend(toRequests());
    const before = double.log.length;

    const second = await client.multiStreamAppend(toRequests());

    expect(second).toEqual(first);
    expect(double.log).toHaveLength(before);
  });

  it("is refused when a stream is closed or named twice, or nothing is asked for", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("gone", numbered(1));
    await client.tombstoneStream("gone");
    const toGone = { streamName: "gone", events: numbered(1), expectedState: "any" } as const;
    const toA = { streamName: "a", events: numbered(1), expectedState: "any" } as const;

    await expect(client.multiStreamAppend([toA, toGone])).rejects.toThrow(StreamTombstonedError);
    await expect(client.multiStreamAppend([toA, toA])).rejects.toThrow();
    await expect(client.multiStreamAppend([])).rejects.toThrow();
    expect(double.log.some(({ streamName }) => streamName === "a")).toBe(false);
  });

  it("is refused when an event or all of them are too large", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    const request = { streamName: "a", events: numbered(2), expectedState: "any" } as const;

    double.limitSizes({ eventBytes: 20 });
    await expect(client.multiStreamAppend([request])).rejects.toThrow(AppendRecordSizeExceededError);
    double.limitSizes({ appendBytes: 130 });
    await expect(client.multiStreamAppend([request])).rejects.toThrow(TransactionMaxSizeExceededError);
    double.behave();
    await expect(client.multiStreamAppend([request])).resolves.toMatchObject({ responses: [{ revision: 1n }] });
  });

  it("is unknown to an older server", async () => {
    await using double = await startKurrentDouble({ personality: "24.10" });
    await using connection = connect(double);
    const { client } = connection;

    await expect(
      client.multiStreamAppend([{ streamName: "a", events: numbered(1), expectedState: NO_STREAM }]),
    ).rejects.toThrow(UnsupportedError);
    await expect(
      client.appendRecords([{ streamName: "a", record: jsonEvent({ type: "A", data: {} }) }]),
    ).rejects.toThrow(UnsupportedError);
  });
});

describe("an append of records", () => {
  const record = (streamName: string) => ({
    streamName,
    record: jsonEvent({ type: "Noted", data: { about: streamName }, metadata: { by: "clerk" } }),
  });

  it("keeps the order of the records over the streams, and reads back over the first protocol", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;

    const result = await client.appendRecords([record("a"), record("b"), record("a")]);
    const [first] = await collect(client.readStream("a"));

    expect(result.responses).toEqual([
      { streamName: "a", revision: 1n },
      { streamName: "b", revision: 0n },
    ]);
    expect(double.log.slice(1).map(({ streamName }) => streamName)).toEqual(["a", "b", "a"]);
    expect(first?.event).toMatchObject({
      type: "Noted",
      data: { about: "a" },
      metadata: { by: "clerk", "$schema.name": "Noted", "$schema.format": "Json" },
    });
  });

  it("is refused with all checks that fail, also those of streams that it does not write", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("b", numbered(3));

    const refusal: unknown = await client
      .appendRecords(
        [record("a")],
        [
          { type: "stream_state", streamName: "a", expectedState: 4n },
          { type: "stream_state", streamName: "b", expectedState: NO_STREAM },
        ],
      )
      .catch((error) => error);

    expect(refusal).toBeInstanceOf(AppendConsistencyViolationError);
    expect(refusal).toMatchObject({
      violations: [
        { streamName: "a", expectedState: 4n, actualState: "no_stream" },
        { streamName: "b", expectedState: "no_stream", actualState: 2n },
      ],
    });
    expect(double.log.some(({ streamName }) => streamName === "a")).toBe(false);
  });

  it("is written when a stream that is only checked is as expected", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("b", numbered(3));

    const result = await client.appendRecords(
      [record("a")],
      [{ type: "stream_state", streamName: "b", expectedState: 2n }],
    );

    expect(result.responses).toEqual([{ streamName: "a", revision: 0n }]);
  });

  it('refuses a check that expects "any"', async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;

    await expect(
      client.appendRecords([record("a")], [{ type: "stream_state", streamName: "b", expectedState: "any" }]),
    ).rejects.toThrow();
    expect(double.log).toHaveLength(1);
  });
});
