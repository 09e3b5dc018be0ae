import {
  type AllStreamSubscription,
  END,
  eventTypeFilter,
  excludeSystemEvents,
  jsonEvent,
  START,
  streamNameFilter,
  type StreamSubscription,
} from "@kurrent/kurrentdb-client";
import { type KurrentDouble, startKurrentDouble } from "kurrentdb-double";
import { describe, expect, it } from "vitest";
import { connect, numbered, PATIENTLY, received, revisions } from "./client.ts";

describe("a subscription to all events", () => {
  it("starts after a position, with the server's own events unless they are filtered out", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("a-1", numbered(1));
    await client.setStreamMetadata("a-1", { maxCount: 5 });
    await client.appendToStream("a-1", numbered(1));
    const [, first] = double.log;

    const all = client.subscribeToAll({ fromPosition: at(first) });
    const own = client.subscribeToAll({ fromPosition: at(first), filter: excludeSystemEvents() });
    const [allEvents, ownEvents] = [received(all), received(own)];
    await Promise.all([allEvents.count(2), ownEvents.count(1)]);
    await Promise.all([all.unsubscribe(), own.unsubscribe()]);

    expect(allEvents.all.map(({ event }) => event?.streamId)).toEqual(["$$a-1", "a-1"]);
    expect(ownEvents.all.map(({ event }) => event?.streamId)).toEqual(["a-1"]);
  });

  it.each([
    {
      by: "prefixes of names",
      filter: streamNameFilter({ prefixes: ["a-", "b-"], maxSearchWindow: 5 }),
      want: ["a-1", "b-1"],
    },
    { by: "an expression for names", filter: streamNameFilter({ regex: "^[bc]-" }), want: ["b-1", "c-1"] },
    { by: "prefixes of types", filter: eventTypeFilter({ prefixes: ["Of-c"] }), want: ["c-1"] },
    { by: "an expression for types", filter: eventTypeFilter({ regex: "^Of-(a|c)" }), want: ["a-1", "c-1"] },
  ])("is filtered by $by, in history and live", async ({ filter, want }) => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    const appendEverywhere = async () => {
      for (const name of ["a-1", "b-1", "c-1"]) await client.appendToStream(name, numbered(1, { type: `Of-${name}` }));
    };
    await appendEverywhere();

    const subscription = client.subscribeToAll({ fromPosition: START, filter });
    const events = received(subscription);
    await caughtUpOf(subscription);
    await appendEverywhere();
    await events.count(want.length * 2);
    await subscription.unsubscribe();

    expect(events.all.map(({ event }) => event?.streamId)).toEqual([...want, ...want]);
  });

  it.each([
    { history: 9, live: 2, at: [4, 8, 10, 12] },
    { history: 11, live: 4, at: [4, 8, 12, 16] },
  ])(
    "says how far it has looked: after each four events, and when it has caught up after $history, once",
    async ({ history, live, at: wanted }) => {
      await using double = await startKurrentDouble();
      await using connection = connect(double);
      const { client } = connection;
      await client.appendToStream("b-1", numbered(history));
      const checkpoints: bigint[] = [];
      const filter = streamNameFilter({
        prefixes: ["a-"],
        maxSearchWindow: 2,
        checkpointInterval: 2,
        checkpointReached: async (_, position) => void checkpoints.push(position.commit),
      });

      const subscription = client.subscribeToAll({ fromPosition: START, filter });
      const events = received(subscription);
      expect(await caughtUpOf(subscription)).toMatchObject({ position: at(double.log[history]) });
      await client.appendToStream("b-1", numbered(live));
      await client.appendToStream("a-1", numbered(1));
      await events.count(1);
      await subscription.unsubscribe();

      expect(checkpoints).toEqual(wanted.map((count) => double.log[count - 1]?.position));
    },
  );

  it("gives a thousand events in order over the change from history to live", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s-1", numbered(400));

    const subscription = client.subscribeToAll({ fromPosition: START, filter: excludeSystemEvents() });
    const events = received(subscription);
    for (let from = 400; from < 1_000; from += 60) await client.appendToStream("s-1", numbered(60, { from }));
    await events.count(1_000);
    await subscription.unsubscribe();

    expect(revisions(events.all)).toEqual(Array.from({ length: 1_000 }, (_, index) => BigInt(index)));
  });

  it("is closed at the server when the client ends it", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    const subscription = client.subscribeToAll({ fromPosition: END });
    await caughtUpOf(subscription);
    expect(double.subscriptions).toEqual([{ streamName: undefined }]);

    await subscription.unsubscribe();

    await noSubscriptions(double);
  });

  it("follows links when asked to, and gives none that lead nowhere", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s-1", numbered(2, { type: "Real" }));
    const link = (to: string) => ({ ...jsonEvent({ type: "$>", data: {} }), data: Buffer.from(to) });
    await client.appendToStream("links-1", [
      { ...link("1@s-1"), contentType: "application/octet-stream" },
      { ...link("7@s-1"), contentType: "application/octet-stream" },
    ]);

    const subscription = client.subscribeToStream("links-1", { fromRevision: START, resolveLinkTos: true });
    const events = received(subscription);
    await events.count(2);
    await subscription.unsubscribe();

    expect(events.all.map(({ event, link: from }) => [event?.type, event?.revision, from?.revision])).toEqual([
      ["Real", 1n, 0n],
      [undefined, undefined, 1n],
    ]);
  });

  it("of an older server says nothing about where it has caught up", async () => {
    await using double = await startKurrentDouble({ personality: "24.10" });
    await using connection = connect(double);
    const subscription = connection.client.subscribeToAll({ fromPosition: START });

    const caughtUp = await caughtUpOf(subscription);
    await subscription.unsubscribe();

    expect(caughtUp).not.toHaveProperty("position");
  });
});

function at(event: { readonly position: bigint } | undefined): { readonly commit: bigint; readonly prepare: bigint } {
  const position = event?.position ?? -1n;
  return { commit: position, prepare: position };
}

function caughtUpOf(subscription: StreamSubscription | AllStreamSubscription): Promise<unknown> {
  return new Promise((resolve) => subscription.once("caughtUp", resolve));
}

async function noSubscriptions(double: KurrentDouble): Promise<void> {
  await expect.poll(() => double.subscriptions, PATIENTLY).toEqual([]);
}
