import { randomUUID } from "node:crypto";
import { connect, createInbox, headers, type Msg, type NatsConnection } from "@nats-io/transport-node";
import type { BenchEvent, Subject } from "./subject.ts";

/** Messages that are asked for at once, twice so many are under way. */
const FETCH = 1_000;
/** Of messages with 1,000 events each: the server cuts off a client that it has to keep 64 MiB for. */
const FETCH_OF_LARGE = 50;
const TIMEOUT = { timeout: 10_000 };

interface Consumer {
  readonly name: string;
  readonly num_pending: number;
}

/**
 * What a program without the toolkit would do with the NATS client: one message for each append, published with the sequence that
 * is expected on its subject, and acknowledged. Streams and the log are read by a consumer in the server's memory that asks for the
 * next messages before the last ones have come.
 */
export async function openBareNats(url: string): Promise<Subject> {
  const connection = await connect({ servers: url, noAsyncTraces: true });
  const stream = `bare-${randomUUID()}`;
  const sequences = new Map<string, number>();
  const live = new Map<string, () => void>();
  const api = async <Answer>(name: string, body: unknown): Promise<Answer> =>
    (await connection.request(`$JS.API.${name}`, JSON.stringify(body), TIMEOUT)).json<Answer>();
  const subjectOf = (streamId: string): string => `${stream}.${streamId.replace("-", ".")}`;

  async function append(streamId: string, expected: number | "any", events: readonly BenchEvent[]): Promise<void> {
    const made = headers();
    if (expected !== "any") {
      made.set("Nats-Expected-Last-Subject-Sequence", String(sequences.get(streamId) ?? 0));
    }
    const options = { ...TIMEOUT, headers: made };
    const answer = await connection.request(subjectOf(streamId), JSON.stringify(events), options);
    const { seq, error } = answer.json<{ seq: number; error?: { description: string } }>();
    if (error !== undefined) throw new Error(error.description);
    sequences.set(streamId, seq);
  }

  async function count(subject: string, fetch: number = FETCH): Promise<number> {
    const config = { deliver_policy: "all", ack_policy: "none", mem_storage: true, filter_subject: subject };
    const consumer = await api<Consumer>(`CONSUMER.CREATE.${stream}`, { stream_name: stream, config });
    const found = await readEvents({ connection, stream, consumer, fetch });
    connection.publish(`$JS.API.CONSUMER.DELETE.${stream}.${consumer.name}`);
    return found;
  }

  async function follow(onEvent: (id: string) => void): Promise<void> {
    const inbox = createInbox();
    connection.subscribe(inbox, {
      callback: (_error, message) => {
        for (const { id } of message.json<readonly BenchEvent[]>()) onEvent(id);
      },
    });
    const config = { deliver_subject: inbox, deliver_policy: "new", ack_policy: "none", mem_storage: true };
    await api(`CONSUMER.CREATE.${stream}`, { stream_name: stream, config });
  }

  await api(`STREAM.CREATE.${stream}`, { name: stream, subjects: [`${stream}.*.*`], storage: "file", num_replicas: 1 });
  let following: Promise<void> | undefined;
  return {
    append,
    follow,
    async appendAndSee(streamId, expected, event) {
      following ??= follow((id) => live.get(id)?.());
      await following;
      const seen = new Promise<void>((resolve) => live.set(event.id, resolve));
      await append(streamId, expected, [event]);
      await seen;
      live.delete(event.id);
    },
    readStream: (streamId) => count(subjectOf(streamId)),
    readAll: () => count(`${stream}.>`),
    project: () => count(`${stream}.>`, FETCH_OF_LARGE),
    command: notMeasured,
    loadOrder: notMeasured,
    loadOrderFromSnapshot: notMeasured,
    takeSnapshot: notMeasured,
    setRegister: notMeasured,
    [Symbol.asyncDispose]: async () => await connection.close(),
  };
}

interface Reading {
  readonly connection: NatsConnection;
  readonly stream: string;
  readonly consumer: Consumer;
  readonly fetch: number;
}

/** Number of events in all messages that a consumer has, with two requests under way at a time. */
async function readEvents({ connection, stream, consumer, fetch }: Reading): Promise<number> {
  const inbox = createInbox();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const silence = setTimeout(() => reject(new Error("the bare NATS client got no more messages")), TIMEOUT.timeout);
  const total = consumer.num_pending;
  let received = 0;
  let asked = 0;
  let events = 0;
  const ask = (): void => {
    const batch = Math.min(fetch, total - asked);
    if (batch === 0) return;
    asked += batch;
    const request = JSON.stringify({ batch, no_wait: true });
    connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer.name}`, request, { reply: inbox });
  };
  const receive = (_error: Error | null, message: Msg): void => {
    if (message.headers?.hasError === true) return;
    silence.refresh();
    received += 1;
    events += toEvents(message).length;
    if (received === total) resolve();
    else if (asked - received === fetch) ask();
  };
  const subscription = connection.subscribe(inbox, { callback: receive });
  ask();
  ask();
  await promise.finally(() => clearTimeout(silence));
  subscription.unsubscribe();
  return events;
}

interface BareEvent extends BenchEvent {
  readonly subject: string;
  readonly sequence: number;
  readonly index: number;
  readonly recordedAt: number;
}

/** A reader that goes on later needs to know where it stands. */
function toEvents(message: Msg): readonly BareEvent[] {
  const tokens = (message.reply ?? "").split(".");
  const sequence = Number(tokens[5]);
  const recordedAt = Number((tokens[7] ?? "").slice(0, -6));
  const { subject } = message;
  return message.json<readonly BenchEvent[]>().map(({ id, type, data, metadata = {} }, index) => ({
    id,
    type,
    data,
    metadata,
    subject,
    sequence,
    index,
    recordedAt,
  }));
}

function notMeasured(): never {
  throw new Error("this is not measured on NATS");
}
