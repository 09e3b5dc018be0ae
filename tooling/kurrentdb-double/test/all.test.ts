import { excludeSystemEvents, NO_STREAM, START, streamNameFilter } from "@kurrent/kurrentdb-client";
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
