import type { Msg } from "@nats-io/transport-node";

/** A message that JetStream keeps. */
export interface StoredMessage {
  readonly subject: string;
  /** Its place in JetStream's stream. */
  readonly sequence: number;
  /** When the server stored it, in milliseconds since 1970 UTC. */
  readonly storedAt: number;
  readonly data: Uint8Array;
  /** The value of one of its headers; empty when it has none of that name. */
  header(name: string): string;
}

/** A message as a direct get returns it. */
export function fromDirectGet(message: Msg): StoredMessage {
  const header = (name: string): string => message.headers?.get(name) ?? "";
  return {
    subject: header("Nats-Subject"),
    sequence: Number(header("Nats-Sequence")),
    storedAt: Date.parse(header("Nats-Time-Stamp")),
    data: message.data,
    header,
  };
}

/** The JetStream stream that a direct get was answered from: the one that was asked, or a mirror of it. */
export function streamOf(message: Msg): string {
  return message.headers?.get("Nats-Stream") ?? "";
}

/** A message that a consumer delivered. */
export interface DeliveredMessage extends StoredMessage {
  /** Counts what this consumer has sent, from 1. */
  readonly delivery: number;
  /** How many more it had. */
  readonly pending: number;
}

/** A message as a consumer delivers it: its facts stand in the subject for the acknowledgement. */
export function fromConsumer(message: Msg): DeliveredMessage {
  // $JS.ACK.[domain.account.]stream.consumer.delivered.sequence.consumerSequence.nanoseconds.pending[.random]
  const tokens = (message.reply ?? "").split(".");
  const first = tokens.length > 9 ? 4 : 2;
  return {
    subject: message.subject,
    sequence: Number(tokens[first + 3]),
    storedAt: Number((tokens[first + 5] ?? "").slice(0, -6)),
    delivery: Number(tokens[first + 4]),
    pending: Number(tokens[first + 6]),
    data: message.data,
    header: (name) => message.headers?.get(name) ?? "",
  };
}

/** The answer of the API that gets one message. */
export interface GetAnswer {
  readonly message: {
    readonly subject: string;
    readonly seq: number;
    readonly time: string;
    readonly data?: string;
    readonly hdrs?: string;
  };
}

/** A message as the stream's leader returns it. */
export function fromLeader({ message }: GetAnswer): StoredMessage {
  const headers = message.hdrs === undefined ? "" : Buffer.from(message.hdrs, "base64").toString();
  return {
    subject: message.subject,
    sequence: message.seq,
    storedAt: Date.parse(message.time),
    data: message.data === undefined ? new Uint8Array() : Buffer.from(message.data, "base64"),
    header(name) {
      for (const line of headers.split("\r\n")) {
        const colon = line.indexOf(":");
        if (line.slice(0, colon).toLowerCase() === name.toLowerCase()) return line.slice(colon + 1).trim();
      }
      return "";
    },
  };
}
