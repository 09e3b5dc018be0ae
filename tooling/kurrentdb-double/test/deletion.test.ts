import {
  ANY,
  END,
  NO_STREAM,
  STREAM_EXISTS,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from "@kurrent/kurrentdb-client";
import { startKurrentDouble } from "kurrentdb-double";
import { describe, expect, it } from "vitest";
import { collect, connect, numbered, revisions } from "./client.ts";

describe("a stream that was deleted", () => {
  it("is not found, its events stay in the log, and its numbers go on when it is written again", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(4));
    await client.setStreamMetadata("s", { maxCount: 2 });

    await client.deleteStream("s", { expectedRevision: 3n });

    await expect(collect(client.readStream("s"))).rejects.toThrow(StreamNotFoundError);
    expect(double.log.filter(({ streamName }) => streamName === "s")).toHaveLength(4);
    const again = await client.appendToStream("s", numbered(3), { streamState: NO_STREAM });
    expect(again.nextExpectedRevision).toBe(6n);
    expect(revisions(await collect(client.readStream("s")))).toEqual([4n, 5n, 6n]);
    // The limit was lost with the deletion.
    expect((await client.getStreamMetadata("s")).metadata).toEqual({ truncateBefore: 4 });
  });

  it("takes its last revision as well, and does not exist", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(2));
    await client.deleteStream("s");

    await expect(client.appendToStream("s", numbered(1), { streamState: STREAM_EXISTS })).rejects.toThrow(
      StreamDeletedError,
    );
    await expect(client.appendToStream("s", numbered(1), { streamState: 0n })).rejects.toThrow(
      WrongExpectedVersionError,
    );
    expect(await client.appendToStream("s", numbered(1), { streamState: 1n })).toMatchObject({
      nextExpectedRevision: 2n,
    });
    expect(revisions(await collect(client.readStream("s")))).toEqual([2n]);
  });

  it("is visible again, and empty, when only its metadata is written", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(2));
    await client.deleteStream("s");

    await client.setStreamMetadata("s", { maxCount: 5 });

    expect(await collect(client.readStream("s"))).toEqual([]);
    expect((await client.getStreamMetadata("s")).metadata).toEqual({ maxCount: 5, truncateBefore: 2 });
  });

  it("must be at the revision that is expected, and must have existed", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(2));

    const refusal: unknown = await client.deleteStream("s", { expectedRevision: 0n }).catch((error) => error);
    expect(refusal).toBeInstanceOf(WrongExpectedVersionError);
    expect(refusal).toMatchObject({ streamName: "s", expectedState: 0n, actualState: 1n });
    await expect(client.deleteStream("none", { expectedRevision: ANY })).rejects.toThrow(WrongExpectedVersionError);
    expect(revisions(await collect(client.readStream("s")))).toEqual([0n, 1n]);
  });
});

describe("a stream that was closed for ever", () => {
  it("can be neither read nor written nor deleted", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(2));

    await client.tombstoneStream("s", { expectedRevision: 1n });

    await expect(collect(client.readStream("s"))).rejects.toThrow(StreamDeletedError);
    await expect(client.appendToStream("s", numbered(1))).rejects.toThrow(StreamDeletedError);
    await expect(client.appendToStream("s", numbered(1), { streamState: NO_STREAM })).rejects.toThrow(
      StreamDeletedError,
    );
    await expect(client.deleteStream("s")).rejects.toThrow(StreamDeletedError);
    await expect(client.tombstoneStream("s")).rejects.toThrow(StreamDeletedError);
    expect(double.log.at(-1)).toMatchObject({ streamName: "s", type: "$streamDeleted" });
  });

  it("is named by the error, also with a name that is no word", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.tombstoneStream("a/b c:1%2");
    await client.tombstoneStream("café-1");

    const remove = (streamName: string) => client.deleteStream(streamName).catch((error: unknown) => error);

    expect(await remove("a/b c:1%2")).toMatchObject({ type: "stream-deleted", streamName: "a/b c:1%2" });
    expect(await remove("café-1")).toBeInstanceOf(StreamDeletedError);
  });

  it("may never have existed", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;

    await client.tombstoneStream("s", { expectedRevision: NO_STREAM });

    await expect(client.appendToStream("s", numbered(1))).rejects.toThrow(StreamDeletedError);
  });
});

describe("the limits of a stream", () => {
  it("hide events by their number, by their age and before a revision, at once", async () => {
    let now = Date.now() - 60_000;
    await using double = await startKurrentDouble({ now: () => now });
    await using connection = connect(double);
    const { client } = connection;
    for (const streamName of ["count", "age", "before"]) await client.appendToStream(streamName, numbered(3));
    now += 10_000;
    await client.appendToStream("age", numbered(1));

    await client.setStreamMetadata("count", { maxCount: 2 });
    await client.setStreamMetadata("age", { maxAge: 5 });
    await client.setStreamMetadata("before", { truncateBefore: 2 });

    const read = async (streamName: string) => revisions(await collect(client.readStream(streamName)));
    expect(await read("count")).toEqual([1n, 2n]);
    expect(await read("age")).toEqual([3n]);
    expect(await read("before")).toEqual([2n]);
    expect(revisions(await collect(client.readStream("count", { fromRevision: END, direction: "backwards" })))).toEqual(
      [2n, 1n],
    );
  });

  it("are the last metadata that was written, and leave older ones of the metadata stream hidden", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.setStreamMetadata("s", { maxCount: 1 });
    await client.setStreamMetadata("s", { maxCount: 7, owner: "Ann" });

    expect((await client.getStreamMetadata("s")).metadata).toEqual({ maxCount: 7, owner: "Ann" });
    expect(revisions(await collect(client.readStream("$$s")))).toEqual([1n]);
  });
});
