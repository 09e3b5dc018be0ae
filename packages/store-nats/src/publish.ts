import { UnsupportedError } from "@es/core";
import type { MsgHdrs } from "@nats-io/transport-node";
import type { CallLimit } from "./call-limit.ts";
import { featuresOf } from "./features.ts";
import { isTransient, parseAnswer } from "./jetstream-api.ts";
import type { Link } from "./link.ts";
import { JETSTREAM_CODES, JetStreamError, RequestFailure } from "./request-failure.ts";

/** A message on its way into a JetStream stream. */
export interface OutgoingMessage {
  readonly subject: string;
  readonly headers: MsgHdrs;
  readonly body: Uint8Array | string;
}

/**
 * What became of one attempt to publish. `"stored"`: as the message with this sequence. `"moved"`: refused, since the newest message
 * of the subject is not the expected one. `"nothing"`: certainly not stored. `"unknown"`: it may be stored, or be stored later.
 */
export type Published =
  | { readonly outcome: "stored"; readonly sequence: number }
  | { readonly outcome: "moved" }
  | { readonly outcome: "nothing" | "unknown"; readonly cause: RequestFailure };

const EXPECTED = "Nats-Expected-Last-Subject-Sequence";
const INCOMPLETE_BATCH = 10176;
const STORE_FAILED = 10077;

interface Acknowledgement {
  readonly seq: number;
}

/** Limits of publishing. */
export interface PublishLimits {
  /** Until something was sent. */
  readonly before: CallLimit;
  /** From then on. */
  readonly after: CallLimit;
  /** For the answer. */
  readonly limitMs: number;
}

/** Headers that make the server check that the newest message of the subject has this sequence; 0: there is none. */
export function expectLast(headers: MsgHdrs, sequence: number): MsgHdrs {
  headers.set(EXPECTED, String(sequence));
  return headers;
}

/**
 * Publishes one message once, or several all or nothing. Each must have an expectation, which is what makes another attempt
 * harmless: of all attempts with one expectation at most one is ever stored.
 *
 * @throws JetStreamError when the server refuses it for another reason; then it is not stored
 * @throws StoreUnavailableError, ConfigurationError when it was certainly not sent
 */
export async function publishOnce(
  link: Link,
  messages: readonly OutgoingMessage[],
  { before, after, limitMs }: PublishLimits,
): Promise<Published> {
  const last = messages.at(-1);
  if (messages.length > 1) assertTakesBatches(link);
  if (last === undefined) throw new RangeError("nothing to publish");
  try {
    await link.untilConnected(before);
    if (messages.length > 1) {
      prepareBatch(messages);
      for (const { subject, headers, body } of messages.slice(0, -1)) link.client.publish(subject, body, { headers });
    }
    const answer = await link.request(last.subject, last.body, after, { limitMs, headers: last.headers });
    return { outcome: "stored", sequence: parseAnswer<Acknowledgement>(answer.string()).seq };
  } catch (error) {
    if (error instanceof RequestFailure) {
      return { outcome: error.kind === "unanswered" ? "unknown" : "nothing", cause: error };
    }
    if (error instanceof JetStreamError) {
      switch (error.errorCode) {
        case JETSTREAM_CODES.wrongLastSequence:
        case JETSTREAM_CODES.wrongLastSequenceConstant:
          return { outcome: "moved" };
        case INCOMPLETE_BATCH:
          return { outcome: "nothing", cause: new RequestFailure("nobody", error.message, { cause: error }) };
        default:
          if (hasFailedToStore(error)) {
            return { outcome: "unknown", cause: new RequestFailure("unanswered", error.message, { cause: error }) };
          }
          if (!isTransient(error)) break;
          return { outcome: "nothing", cause: new RequestFailure("nobody", error.message, { cause: error }) };
      }
    }
    throw error;
  }
}

/** The server has tried, and its disk may hold the message nevertheless. A limit is checked before. */
function hasFailedToStore({ errorCode, message }: JetStreamError): boolean {
  return errorCode === STORE_FAILED && !/maximum/i.test(message);
}

/** An older server than at the beginning would store the messages of a batch one by one. @throws UnsupportedError */
function assertTakesBatches(link: Link): void {
  const { hasAtomicBatches, version } = featuresOf(link.client.info?.version);
  if (!hasAtomicBatches) {
    throw new UnsupportedError(
      `nats-server ${version}, which the store has reconnected to, cannot store several messages all or nothing; upgrade it to 2.12`,
    );
  }
}

/** The server stores the messages of a batch when the last one arrives; one that never arrives leaves nothing behind. */
function prepareBatch(messages: readonly OutgoingMessage[]): void {
  const id = globalThis.crypto.randomUUID();
  for (const [index, { headers }] of messages.entries()) {
    headers.set("Nats-Batch-Id", id);
    headers.set("Nats-Batch-Sequence", String(index + 1));
    if (index === messages.length - 1) headers.set("Nats-Batch-Commit", "1");
  }
}
