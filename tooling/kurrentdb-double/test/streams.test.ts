import {
  BACKWARDS,
  END,
  FORWARDS,
  jsonEvent,
  NO_STREAM,
  START,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from "@kurrent/kurrentdb-client";
import { startKurrentDouble } from "kurrentdb-double";
import { describe, expect, it } from "vitest";
import { collect, connect, numbered, revisions } from "./client.ts";

describe("a stream of the double", () => {
  it("gives back what was appended", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    const event = jsonEvent({ type: "Opened", data: { owner: "Ann" }, metadata: { by: "clerk" } });

    const result = await client.appendToStream("account-1", event, { streamState: NO_STREAM });
    const [read] = await collect(client.readStream("account-1"));

    expect(result).toMatchObject({ success: true, nextExpectedRevision: 0n });
    expect(read?.event).toMatchObject({
      id: event.id,
      type: "Opened",
      data: { owner: "Ann" },
      metadata: { by: "clerk" },
      streamId: "account-1",
      revision: 0n,
      isJson: true,
      position: result.position,
    });
  });

  it("is read in both directions from any place", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(5));

    const read = async (
      direction: "forwards" | "backwards",
      fromRevision: bigint | "start" | "end",
      maxCount: number,
    ) => revisions(await collect(client.readStream("s", { direction, fromRevision, maxCount })));

    expect(await read(FORWARDS, START, 2)).toEqual([0n, 1n]);
    expect(await read(FORWARDS, 3n, 10)).toEqual([3n, 4n]);
    expect(await read(FORWARDS, 7n, 10)).toEqual([]);
    expect(await read(BACKWARDS, END, 2)).toEqual([4n, 3n]);
    expect(await read(BACKWARDS, 1n, 10)).toEqual([1n, 0n]);
  });

  it("is not found before the first append", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);

    await expect(collect(connection.client.readStream("none"))).rejects.toThrow(StreamNotFoundError);
  });

  it("refuses an append that expects another revision", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(2));

    const conflict: unknown = await client
      .appendToStream("s", numbered(1), { streamState: 0n })
      .catch((error) => error);

    expect(conflict).toBeInstanceOf(WrongExpectedVersionError);
    expect(conflict).toMatchObject({ streamName: "s", expectedState: 0n, actualState: 1n });
  });
});
