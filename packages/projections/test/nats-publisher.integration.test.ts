import type { EventStore } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import { type NatsServer, startNats } from "test-servers";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createProjectionRunner, defineOutbox, natsPublisher, type Publish } from "../src/index.ts";
import { Reports } from "./reports.ts";

let server: NatsServer;
let connection: NatsConnection;

beforeAll(async () => {
  server = await startNats({ isPrivate: true });
  connection = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 20 });
}, 120_000);

afterAll(async () => {
  await connection.close();
  await server[Symbol.asyncDispose]();
});

async function ask(subject: string, body: unknown): Promise<unknown> {
  const answer: unknown = JSON.parse((await connection.request(subject, JSON.stringify(body))).string());
  expect(answer).not.toHaveProperty("error");
  return answer;
}

let count = 0;
let name = "";

/** Each test has a stream and subjects of its own. */
beforeEach(() => {
  count += 1;
  name = `T${count}`;
});

async function createStream(more: object = {}): Promise<void> {
  await ask(`$JS.API.STREAM.CREATE.${name}`, { name, subjects: [`${name}.>`], storage: "file", ...more });
}

/** What the stream holds. */
async function stored(): Promise<
  readonly { readonly subject: string; readonly data: string; readonly hdrs: string }[]
> {
  const messages: { subject: string; data: string; hdrs: string }[] = [];
  for (let seq = 1; ; seq += 1) {
    const answer = await connection.request(`$JS.API.STREAM.MSG.GET.${name}`, JSON.stringify({ seq }));
    const { message }: { message?: { subject: string; data: string; hdrs: string } } = JSON.parse(answer.string());
    if (message === undefined) return messages;
    const { subject, data, hdrs } = message;
    messages.push({ subject, data: fromBase64(data), hdrs: fromBase64(hdrs) });
  }
}

function fromBase64(text: string): string {
  return Buffer.from(text, "base64").toString();
}

function outbox(publish: Publish = natsPublisher(connection, { headers })) {
  return defineOutbox({ name: "to-nats", publish, destination: ({ type }) => `${name}.${type}` });
}

async function place(store: EventStore<unknown>, stream: string, ...numbers: number[]): Promise<string> {
  const events = numbers.map((number) => ({ type: "Placed", data: { number }, metadata: { correlationId: "c" } }));
  return (await store.append({ streamId: `order-${stream}`, expected: "any", events })).position;
}

it("publishes each event to its subject, with its id and headers, in the order of its stream", async () => {
  await createStream();
  await using store = createMemoryEventStore();
  await using runner = createProjectionRunner(outbox(), { store });
  await runner.start();
  await place(store, "é 1", 1, 2);
  await runner.waitFor(await place(store, "é 1", 3));

  const messages = await stored();
  const ids: string[] = [];
  for await (const page of store.readStream("order-é 1")) ids.push(...page.map(({ id }) => id));
  expect(messages.map(({ subject, data }) => [subject, data])).toStrictEqual(
    [1, 2, 3].map((number) => [`${name}.Placed`, `{"number":${number}}`]),
  );
  expect(messages.map(({ hdrs }) => /Nats-Msg-Id: (.*)\r/.exec(hdrs)?.[1])).toStrictEqual(ids);
  expect(messages[0]?.hdrs).toMatch(/correlation-id: c\r/i);
  expect(messages[0]?.hdrs).toMatch(/aggregate-id: é 1\r/i);
});

it("leaves each message once in the stream when answers are lost and events are published again", async () => {
  await createStream();
  await using store = createMemoryEventStore();
  const publish = natsPublisher(connection, { headers });
  let lost = 3;
  const losing: Publish = async (message, context) => {
    await publish(message, context);
    lost -= 1;
    if (lost >= 0) throw new Error("the answer was lost");
  };
  const position = await place(store, "1", 1, 2, 3);
  const first = createProjectionRunner(outbox(losing), { store, retry: { maxAttempts: 1 } });
  await first.start();
  await expect(first.done).rejects.toMatchObject({ code: "ES_HANDLER_FAILED" });

  await using second = createProjectionRunner(outbox(losing), { store, retry: { firstDelayMs: 1 } });
  await second.start();
  await second.waitFor(position);

  expect(lost).toBeLessThan(0);
  expect((await stored()).map(({ data }) => data)).toStrictEqual([1, 2, 3].map((number) => `{"number":${number}}`));
});

it("waits for a stream that is not there yet, and blames no message", async () => {
  await using store = createMemoryEventStore();
  const reports = new Reports();
  const options = { store, retry: { maxAttempts: 1 }, storeRetry: { firstDelayMs: 10 }, onReport: reports.listener };
  await using runner = createProjectionRunner(outbox(), options);
  await runner.start();
  const position = await place(store, "1", 1);
  await reports.until("retrying");
  expect(runner.status().lastError).toMatchObject({ code: "ES_STORE_UNAVAILABLE" });

  await createStream();
  await runner.waitFor(position);

  expect(await stored()).toHaveLength(1);
});

it("goes on when the server was killed and comes back", async () => {
  await createStream();
  await using store = createMemoryEventStore();
  const publish = natsPublisher(connection, { headers, timeoutMs: 500 });
  const options = { store, retry: { maxAttempts: 1 }, storeRetry: { firstDelayMs: 10, maxDelayMs: 100 } };
  await using runner = createProjectionRunner(outbox(publish), options);
  await runner.start();
  await runner.waitFor(await place(store, "1", 1));
  await server.kill();
  const position = await place(store, "1", 2, 3);
  await server.start();

  await runner.waitFor(position, { timeoutMs: 30_000 });

  expect((await stored()).map(({ data }) => data)).toStrictEqual([1, 2, 3].map((number) => `{"number":${number}}`));
}, 60_000);

it("parks a message that the server refuses, and publishes the others", async () => {
  await createStream({ max_msg_size: 800 });
  await using store = createMemoryEventStore();
  const options = { store, retry: { maxAttempts: 1 }, onFailure: "park" } as const;
  const long = defineOutbox({
    name: "to-nats",
    publish: natsPublisher(connection, { headers }),
    destination: ({ type }) => `${name}.${type}`,
    headers: ({ streamId }) => (streamId === "order-long" ? { padding: "x".repeat(1_000) } : {}),
  });
  await using runner = createProjectionRunner(long, options);
  await runner.start();
  await place(store, "long", 1);
  await runner.waitFor(await place(store, "1", 2));

  expect(runner.parked()).toMatchObject([{ streamId: "order-long", error: expect.stringMatching(/message size/) }]);
});

it.each(["", "a b", "a..b", "a.*", ">", "a."])("refuses the subject %j", async (subject) => {
  await using store = createMemoryEventStore();
  const publish = natsPublisher(connection, { headers, subject: () => subject });
  const runner = createProjectionRunner(outbox(publish), { store, retry: { maxAttempts: 1 } });
  await runner.start();
  await place(store, "1", 1);

  await expect(runner.done).rejects.toThrow(/is no subject/);
});

it("refuses a time limit that is none", () => {
  expect(() => natsPublisher(connection, { headers, timeoutMs: 0 })).toThrow(/timeoutMs/);
});
