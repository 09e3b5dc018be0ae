import {
  type AllStreamSubscription,
  END,
  START,
  StreamDeletedError,
  type StreamSubscription,
} from "@kurrent/kurrentdb-client";
import { type KurrentDouble, startKurrentDouble } from "kurrentdb-double";
import { describe, expect, it } from "vitest";
import { connect, numbered, PATIENTLY, received, revisions } from "./client.ts";

describe("a subscription to a stream", () => {
  it("starts after a revision, says when it has caught up, and goes on with what is written", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(3));
    await client.appendToStream("other", numbered(1));

    const subscription = client.subscribeToStream("s", { fromRevision: 0n });
    const caughtUp = caughtUpOf(subscription);
    const events = received(subscription);
    await events.count(2);
    expect(await caughtUp).toMatchObject({ revision: 2n });
    await client.appendToStream("other", numbered(1));
    await client.appendToStream("s", numbered(2));
    await events.count(4);
    await subscription.unsubscribe();
    await events.ended;

    expect(revisions(events.all)).toEqual([1n, 2n, 3n, 4n]);
    expect(events.all.every(({ event }) => event?.streamId === "s")).toBe(true);
  });

  it("from the end gives only what is written later", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(3));

    const subscription = client.subscribeToStream("s", { fromRevision: END });
    const events = received(subscription);
    await caughtUpOf(subscription);
    await client.appendToStream("s", numbered(1));
    await events.count(1);
    await subscription.unsubscribe();

    expect(revisions(events.all)).toEqual([3n]);
  });

  it("waits for a stream that does not exist", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;

    const subscription = client.subscribeToStream("s", { fromRevision: START });
    const events = received(subscription);
    await caughtUpOf(subscription);
    await client.appendToStream("s", numbered(2));
    await events.count(2);
    await subscription.unsubscribe();

    expect(revisions(events.all)).toEqual([0n, 1n]);
  });

  it("gives the history that the limits of the stream leave", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(3));
    await client.setStreamMetadata("s", { maxCount: 1 });

    const subscription = client.subscribeToStream("s", { fromRevision: START });
    const events = received(subscription);
    await caughtUpOf(subscription);
    await client.appendToStream("s", numbered(2));
    await events.count(3);
    await subscription.unsubscribe();

    expect(revisions(events.all)).toEqual([2n, 3n, 4n]);
  });

  it("fails when the stream is closed for ever, before or while it runs", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(1));

    const running = client.subscribeToStream("s", { fromRevision: START });
    const events = received(running);
    await events.count(1);
    await client.tombstoneStream("s");

    await expect(events.ended).rejects.toThrow(StreamDeletedError);
    await expect(received(client.subscribeToStream("s", { fromRevision: START })).ended).rejects.toThrow(
      StreamDeletedError,
    );
    await noSubscriptions(double);
  });
});

function caughtUpOf(subscription: StreamSubscription | AllStreamSubscription): Promise<unknown> {
  return new Promise((resolve) => subscription.once("caughtUp", resolve));
}

async function noSubscriptions(double: KurrentDouble): Promise<void> {
  await expect.poll(() => double.subscriptions, PATIENTLY).toEqual([]);
}
