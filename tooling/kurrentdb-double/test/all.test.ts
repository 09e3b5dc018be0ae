import { BACKWARDS, END, excludeSystemEvents, NO_STREAM, START, streamNameFilter } from "@kurrent/kurrentdb-client";
import { startKurrentDouble } from "kurrentdb-double";
import { describe, expect, it } from "vitest";
import { collect, connect, numbered, received, revisions } from "./client.ts";

describe("all events of the double", () => {
  it("are read in the order in which they were written, with the server's own", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("a-1", numbered(1));
    await client.appendToStream("b-1", numbered(1));
    await client.setStreamMetadata("a-1", { maxCount: 1 });
    await client.appendToStream("a-1", numbered(1));

    const all = await collect(client.readAll());

    expect(all.map(({ event }) => event?.streamId)).toEqual(["$epoch-information", "a-1", "b-1", "$$a-1", "a-1"]);
    expect(revisions(await collect(client.readStream("a-1")))).toEqual([1n]);
  });

  it("are read from a position: with its event forwards, and before it backwards", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(5));
    const position = double.log[3]?.position ?? -1n;
    const fromPosition = { commit: position, prepare: position };

    const forwards = await collect(client.readAll({ fromPosition, maxCount: 2 }));
    const rest = await collect(client.readAll({ fromPosition }));
    const backwards = await collect(client.readAll({ fromPosition, direction: BACKWARDS, maxCount: 2 }));
    const last = await collect(client.readAll({ fromPosition: END, direction: BACKWARDS, maxCount: 2 }));

    expect(revisions(forwards)).toEqual([2n, 3n]);
    expect(revisions(rest)).toEqual([2n, 3n, 4n]);
    expect(revisions(backwards)).toEqual([1n, 0n]);
    expect(revisions(last)).toEqual([4n, 3n]);
    expect(forwards[0]?.event?.position).toEqual(fromPosition);
  });

  it("have positions that grow with gaps, and begin with zero", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    await connection.client.appendToStream("s", numbered(3));

    const positions = double.log.map(({ position }) => position);

    expect(positions[0]).toBe(0n);
    expect(positions.slice(1).every((position, index) => position > (positions[index] ?? 0n) + 1n)).toBe(true);
  });

  it("are limited in number after the filter", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    for (const name of ["a-1", "b-1", "a-2", "b-2"]) await client.appendToStream(name, numbered(1));

    const found = await collect(client.readAll({ filter: streamNameFilter({ prefixes: ["b-"] }), maxCount: 2 }));

    expect(found.map(({ event }) => event?.streamId)).toEqual(["b-1", "b-2"]);
  });

  it("are filtered by stream name and by type", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("a-1", numbered(1), { streamState: NO_STREAM });
    await client.appendToStream("b-1", numbered(1));

    const ofA = await collect(client.readAll({ filter: streamNameFilter({ prefixes: ["a-"] }) }));
    const ofUsers = await collect(client.readAll({ filter: excludeSystemEvents() }));

    expect(ofA.map(({ event }) => event?.streamId)).toEqual(["a-1"]);
    expect(ofUsers.map(({ event }) => event?.streamId)).toEqual(["a-1", "b-1"]);
  });
});

describe("a subscription to the double", () => {
  it("gives history, then what is written", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("a-1", numbered(2));

    const subscription = client.subscribeToAll({ fromPosition: START, filter: excludeSystemEvents() });
    const events = received(subscription);
    await events.count(2);
    await client.appendToStream("a-1", numbered(1, { from: 2 }));
    await events.count(3);
    await subscription.unsubscribe();

    expect(revisions(events.all)).toEqual([0n, 1n, 2n]);
  });
});
