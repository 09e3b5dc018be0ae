import { once } from "node:events";
import {
  type AllStreamSubscription,
  END,
  FORWARDS,
  jsonEvent,
  KurrentDBClient,
  NO_STREAM,
  START,
  type AppendStreamState,
  type JSONEventType,
} from "@kurrent/kurrentdb-client";
import type { BenchEvent, Subject } from "./subject.ts";

/** What a program without the toolkit would do with the client: one call for each append, which names the revision it expects. */
export async function openBareKurrentDb(connectionString: string): Promise<Subject> {
  const client = KurrentDBClient.connectionString`${connectionString}`;

  async function count(
    events: AsyncIterable<{ readonly event?: { readonly data: unknown; readonly type: string } }>,
  ): Promise<number> {
    let found = 0;
    for await (const { event } of events) if (event !== undefined && !event.type.startsWith("$")) found += 1;
    return found;
  }

  let subscription: AllStreamSubscription | undefined;

  const readAll = (): Promise<number> => count(client.readAll({ fromPosition: START, direction: FORWARDS }));
  return {
    async append(streamId, expected, events) {
      await client.appendToStream(streamId, events.map(toEvent), { streamState: stateOf(expected) });
    },
    async follow(onEvent) {
      subscription = client.subscribeToAll({ fromPosition: END });
      subscription.on("data", ({ event }) => onEvent(event?.id ?? ""));
      await once(subscription, "confirmation");
    },
    readStream: (streamId) => count(client.readStream(streamId, { fromRevision: START, direction: FORWARDS })),
    readAll,
    project: readAll,
    command: notMeasured,
    loadOrder: notMeasured,
    loadOrderFromSnapshot: notMeasured,
    takeSnapshot: notMeasured,
    setRegister: notMeasured,
    async [Symbol.asyncDispose]() {
      await subscription?.unsubscribe();
      await client.dispose();
    },
  };
}

/** With its time, as on the other stores: of the server's the client gives whole seconds only. */
function toEvent({ id, type, data }: BenchEvent): ReturnType<typeof jsonEvent<JSONEventType>> {
  const metadata = { recordedAt: new Date().toISOString() };
  return jsonEvent<JSONEventType>({ id, type, data: typeof data === "object" ? { ...data } : {}, metadata });
}

function stateOf(expected: number | "any"): AppendStreamState {
  if (expected === "any") return "any";
  return expected === 0 ? NO_STREAM : BigInt(expected - 1);
}

function notMeasured(): never {
  throw new Error("this is not measured on KurrentDB");
}
