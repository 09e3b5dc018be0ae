import {
  ANY,
  type AppendStreamState,
  jsonEvent,
  NO_STREAM,
  STREAM_EXISTS,
  WrongExpectedVersionError,
} from "@kurrent/kurrentdb-client";
import { type KurrentDouble, startKurrentDouble } from "kurrentdb-double";
import { describe, expect, it } from "vitest";
import { collect, connect, numbered, revisions } from "./client.ts";

const WAYS = [
  { way: "in a batch", method: "BatchAppend", batchAppend: true },
  { way: "in a call of its own", method: "Append", batchAppend: false },
];

describe.each(WAYS)("an append $way", ({ method, batchAppend }) => {
  async function open() {
    const double = await startKurrentDouble({ features: { batchAppend } });
    const connection = connect(double);
    return {
      double,
      client: connection.client,
      async [Symbol.asyncDispose]() {
        await connection[Symbol.asyncDispose]();
        await double[Symbol.asyncDispose]();
      },
    };
  }

  it("is written when the stream is as expected", async () => {
    await using opened = await open();
    const { client, double } = opened;
    const append = async (streamState: AppendStreamState) =>
      (await client.appendToStream("s", numbered(2), { streamState })).nextExpectedRevision;

    expect(await append(NO_STREAM)).toBe(1n);
    expect(await append(1n)).toBe(3n);
    expect(await append(STREAM_EXISTS)).toBe(5n);
    expect(await append(ANY)).toBe(7n);
    expect(methods(double)).toEqual([method]);
    expect(revisions(await collect(client.readStream("s")))).toEqual([0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n]);
  });

  it.each<{ streamState: AppendStreamState; actual: bigint | "no_stream"; events: number }>([
    { streamState: NO_STREAM, actual: 1n, events: 2 },
    { streamState: 0n, actual: 1n, events: 2 },
    { streamState: 5n, actual: 1n, events: 2 },
    { streamState: 0n, actual: "no_stream", events: 0 },
    { streamState: STREAM_EXISTS, actual: "no_stream", events: 0 },
  ])(
    "is refused when $events events are there and $streamState is expected",
    async ({ streamState, actual, events }) => {
      await using opened = await open();
      const { client, double } = opened;
      await client.appendToStream("other", numbered(1));
      for (const event of numbered(events)) await client.appendToStream("s", event);
      const before = double.log.length;

      const refusal: unknown = await client.appendToStream("s", numbered(1), { streamState }).catch((error) => error);

      expect(refusal).toBeInstanceOf(WrongExpectedVersionError);
      expect(refusal).toMatchObject({ streamName: "s", expectedState: streamState, actualState: actual });
      expect(double.log).toHaveLength(before);
    },
  );

  it("expecting existence passes when only metadata was written", async () => {
    await using opened = await open();
    const { client } = opened;
    await client.setStreamMetadata("s", { maxCount: 3 });

    const result = await client.appendToStream("s", numbered(1), { streamState: STREAM_EXISTS });

    expect(result.nextExpectedRevision).toBe(0n);
  });

  it("with the same ids at the same place is answered as the first time, and not written", async () => {
    await using opened = await open();
    const { client, double } = opened;
    const events = numbered(2);
    const first = await client.appendToStream("s", events, { streamState: NO_STREAM });
    await client.appendToStream("s", numbered(1), { streamState: 1n });
    double.forgetEventIds();
    const before = double.log.length;

    const second = await client.appendToStream("s", events, { streamState: NO_STREAM });

    expect(second).toEqual(first);
    expect(double.log).toHaveLength(before);
  });

  it("with the same ids is a conflict at another place, in part, or with others behind", async () => {
    await using opened = await open();
    const { client } = opened;
    const [one, two, unknown] = [named("one"), named("two"), named("unknown")];
    await client.appendToStream("s", [one, two], { streamState: NO_STREAM });
    const repeat = (streamState: AppendStreamState, ...events: (typeof one)[]) =>
      client.appendToStream("s", events, { streamState });

    await expect(repeat(0n, one)).rejects.toThrow(WrongExpectedVersionError);
    await expect(repeat(NO_STREAM, one, unknown)).rejects.toThrow(WrongExpectedVersionError);
    await expect(repeat(NO_STREAM, unknown, two)).rejects.toThrow(WrongExpectedVersionError);
    await expect(repeat(NO_STREAM, one, two, unknown)).rejects.toThrow(WrongExpectedVersionError);
    expect(await repeat(NO_STREAM, one)).toMatchObject({ nextExpectedRevision: 0n });
  });

  it("with any state is recognized by the ids as long as the server remembers them, in that stream only", async () => {
    await using opened = await open();
    const { client, double } = opened;
    const events = numbered(2);
    const first = await client.appendToStream("s", events);

    expect(await client.appendToStream("s", events)).toEqual(first);
    expect(await client.appendToStream("s", events, { streamState: STREAM_EXISTS })).toEqual(first);
    await client.appendToStream("other", numbered(3));
    expect(await client.appendToStream("other", events)).toMatchObject({ nextExpectedRevision: 4n });
    // The memory now knows these ids in the other stream only.
    expect(await client.appendToStream("s", events)).toMatchObject({ nextExpectedRevision: 3n });
    double.forgetEventIds();
    expect(await client.appendToStream("s", events)).toMatchObject({ nextExpectedRevision: 5n });
  });

  it("with any state is a conflict when only the first ids are known", async () => {
    await using opened = await open();
    const { client } = opened;
    const events = numbered(2);
    await client.appendToStream("s", events);

    await expect(client.appendToStream("s", [...events, ...numbered(1)])).rejects.toThrow(WrongExpectedVersionError);
  });

  it("wins once when fifty expect no stream", async () => {
    await using opened = await open();
    const { client, double } = opened;

    const results = await Promise.allSettled(
      numbered(50).map((event) => client.appendToStream("s", event, { streamState: NO_STREAM })),
    );

    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(double.log.filter(({ streamName }) => streamName === "s")).toHaveLength(1);
  });

  it("in parts is written as a whole, also when the parts of two are mixed", async () => {
    await using opened = await open();
    const { client } = opened;
    const append = (streamName: string) => client.appendToStream(streamName, numbered(20), { batchAppendSize: 100 });

    const results = await Promise.all([append("a"), append("b"), append("c")]);

    expect(results.map((result) => result.nextExpectedRevision)).toEqual([19n, 19n, 19n]);
    const numbers = (await collect(client.readStream("b"))).map(({ event }) => event?.data);
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, number) => ({ number })));
  });

  it("of several MiB is written", async () => {
    await using opened = await open();
    const { client } = opened;
    const events = numbered(9).map(() => named("x".repeat(1_000_000)));

    const result = await client.appendToStream("s", events);

    expect(result.nextExpectedRevision).toBe(8n);
  });
});

function named(name: string) {
  return jsonEvent({ type: "Named", data: { name } });
}

function methods(double: KurrentDouble): string[] {
  return [...new Set(double.calls.filter(({ operation }) => operation === "append").map(({ method }) => method))];
}
