import { ConfigurationError, StoreUnavailableError } from "@es/core";
import { parseObject } from "../checkpoint/checkpoint.ts";
import { aFunction, assertMembers, required } from "../definition/member-rules.ts";
import { LONGEST_TIMER_MS } from "../runner/clock.ts";
import type { Publish } from "./outbox.ts";
import type { OutboxMessage } from "./outbox-message.ts";

/** Headers of a NATS message, as the client makes them. */
export interface NatsPublisherHeaders {
  /** Sets one. */
  set(name: string, value: string): void;
}

/** The part of a NATS connection that the publisher uses. A connection of `@nats-io/transport-node` fits as it is. */
export interface NatsPublisherConnection<Headers extends NatsPublisherHeaders> {
  /** Sends a message and waits for one answer. */
  request(
    subject: string,
    payload: string,
    options: {
      /** How long to wait, in milliseconds. */
      timeout: number;
      /** Headers of the message. */
      headers: Headers;
    },
  ): Promise<{
    /** The body of the answer. */
    string(): string;
  }>;
}

/** Options of {@link natsPublisher}. */
export interface NatsPublisherOptions<Headers extends NatsPublisherHeaders> {
  /** The function `headers` of the client: it makes empty headers. */
  readonly headers: () => Headers;
  /**
   * The subject of a message. A stream of JetStream must take it.
   * @defaultValue its destination
   */
  readonly subject?: (message: OutboxMessage) => string;
  /** How long to wait for the server. @defaultValue 5000 */
  readonly timeoutMs?: number;
}

/** Names of the client's errors that say that there was no answer. */
const OUTAGES = [
  "ClosedConnectionError",
  "ConnectionError",
  "DrainingConnectionError",
  "NoRespondersError",
  "RequestError",
  "TimeoutError",
];

/**
 * Publishes the messages of an outbox to JetStream, each with the id of its event as message id: the server drops one that comes
 * again within the duplicate window of its stream. A message counts as published when a stream has acknowledged it.
 *
 * A server that cannot be reached, and a subject that no stream takes, count against no message; what the server refuses for
 * good, such as a message that is too large, does.
 *
 * @example
 * ```ts
 * import { connect, headers } from "@nats-io/transport-node";
 * import { defineOutbox, natsPublisher } from "@es/projections";
 *
 * const connection = await connect({ servers: "nats://localhost:4222" });
 * const outbox = defineOutbox({
 *   name: "orders-to-nats",
 *   destination: ({ type }) => `orders.${type}`,
 *   publish: natsPublisher(connection, { headers }),
 * });
 * ```
 * @throws ConfigurationError when an option is wrong
 */
export function natsPublisher<Headers extends NatsPublisherHeaders>(
  connection: NatsPublisherConnection<Headers>,
  options: NatsPublisherOptions<Headers>,
): Publish {
  assertMembers("the connection to NATS", connection, { request: required(aFunction) });
  assertMembers("the options of natsPublisher()", options, { headers: required(aFunction), subject: aFunction });
  const { headers: newHeaders, subject: subjectOf = ({ destination }) => destination, timeoutMs = 5_000 } = options;
  if (!(timeoutMs >= 1 && timeoutMs <= LONGEST_TIMER_MS)) {
    throw new ConfigurationError(`timeoutMs is ${timeoutMs}; it must be a number from 1 to ${LONGEST_TIMER_MS}`);
  }

  return async (message) => {
    const subject = subjectOf(message);
    if (!isSubject(subject)) {
      throw new ConfigurationError(
        `${JSON.stringify(subject)} is no subject to publish event ${message.id} to: it must be words without spaces, "*" and ">", parted by dots; see "destination" of the outbox`,
      );
    }
    const headers = newHeaders();
    for (const [name, value] of Object.entries(message.headers)) headers.set(name, value);
    headers.set("Nats-Msg-Id", message.id);
    const body = JSON.stringify(message.data);
    let answer: string;
    try {
      answer = (await connection.request(subject, body, { timeout: timeoutMs, headers })).string();
    } catch (cause) {
      if (!(cause instanceof Error) || !OUTAGES.includes(cause.name)) throw cause;
      throw new StoreUnavailableError(
        `no stream of JetStream acknowledged event ${message.id} on subject ${JSON.stringify(subject)}: ${cause.message}; ` +
          "check that the server runs and that a stream takes the subject",
        { cause },
      );
    }
    assertStored(answer, message, subject);
  };
}

function isSubject(subject: string): boolean {
  return typeof subject === "string" && /^[^\s.*>]+(\.[^\s.*>]+)*$/.test(subject);
}

function assertStored(answer: string, { id }: OutboxMessage, subject: string): void {
  const { error, seq } = parseObject(answer) ?? {};
  if (error === undefined && typeof seq === "number") return;
  const { code, description } = parseObject(JSON.stringify(error ?? {})) ?? {};
  const problem = `JetStream did not store event ${id} on subject ${JSON.stringify(subject)}: ${typeof description === "string" ? description : answer}`;
  // Servers that are short of something, or have no leader at this moment.
  if (code === 503) throw new StoreUnavailableError(problem);
  throw new Error(problem);
}
