import { type EventMetadata, type JsonValue, type Position, type RecordedEvent, StoreCorruptError } from "@es/core";
import type { PreparedTextEvent } from "@es/core/adapter";
import type { MsgHdrs } from "@nats-io/transport-node";
import { headers } from "@nats-io/transport-node";
import { formatPosition } from "./positions.ts";
import type { StoredMessage } from "./stored-message.ts";

/** The header of every commit: format, id, sequence of the stream's commit before, version before, number of events. */
export const COMMIT_HEADER = "Es-Commit";
const FORM = /^1 ([0-9a-f-]{36}) (\d+) (\d+) (\d+)$/;

/** What an append writes to one stream: one message. */
export interface Commit {
  /** Drawn for each append, so that it can be found again. */
  readonly id: string;
  readonly streamId: string;
  /** Its place in the log. */
  readonly sequence: number;
  /** Sequence of the commit before it in its stream; 0 for the first. */
  readonly previous: number;
  /** The stream's version before it. */
  readonly base: number;
  /** How many events it has. */
  readonly count: number;
  readonly storedAt: number;
  readonly body: Uint8Array;
}

/** The body of a commit: a list of events in JSON. */
export function encodeEvents(events: readonly PreparedTextEvent[]): Uint8Array {
  const items = events.map(({ id, type, data, metadata }) => {
    const rest = metadata === null ? "" : `,"metadata":${metadata}`;
    return `{"id":"${id}","type":${JSON.stringify(type)},"data":${data}${rest}}`;
  });
  return Buffer.from(`[${items.join(",")}]`);
}

/** The headers of a commit, without those that tell the server what to check. */
export function commitHeaders(commit: Pick<Commit, "id" | "previous" | "base" | "count">): MsgHdrs {
  const made = headers();
  made.set(COMMIT_HEADER, `1 ${commit.id} ${commit.previous} ${commit.base} ${commit.count}`);
  return made;
}

/** The position of the last event of a commit. */
export function lastPositionOf({ sequence, count }: Pick<Commit, "sequence" | "count">): Position {
  return formatPosition(sequence, count - 1);
}

/** `streamId` is the one of its subject, if there is one. @throws StoreCorruptError when the message is none of this store */
export function toCommit(message: StoredMessage, streamId: string | undefined): Commit {
  const header = message.header(COMMIT_HEADER);
  const [, id = "", previous, base, count] = FORM.exec(header) ?? [];
  if (streamId === undefined || id === "") {
    throw new StoreCorruptError(
      `message ${message.sequence} on subject ${JSON.stringify(message.subject)} is no commit of this store (header ${COMMIT_HEADER} is ${JSON.stringify(header)}); does something else publish there, or did a newer version of this package?`,
    );
  }
  return {
    id,
    streamId,
    sequence: message.sequence,
    previous: Number(previous),
    base: Number(base),
    count: Number(count),
    storedAt: message.storedAt,
    body: message.data,
  };
}

interface StoredEvent {
  readonly id: string;
  readonly type: string;
  readonly data: JsonValue;
  readonly metadata?: EventMetadata;
}

/** @throws StoreCorruptError when the body is damaged */
export function eventsOf(commit: Commit): RecordedEvent[] {
  const { sequence, streamId, base, count, storedAt } = commit;
  const stored = parseBody(commit);
  if (stored?.length !== count) {
    throw new StoreCorruptError(
      `the commit at sequence ${sequence} (stream ${JSON.stringify(streamId)}, version ${base + 1}) is not a list of ${count} events; is it damaged?`,
    );
  }
  return stored.map(({ id, type, data, metadata = {} }, index) => ({
    id,
    streamId,
    version: base + index + 1,
    position: formatPosition(sequence, index),
    type,
    data,
    metadata,
    tags: [],
    recordedAt: storedAt,
  }));
}

function parseBody({ body }: Commit): readonly StoredEvent[] | undefined {
  try {
    // The store wrote this text itself, from values of this type.
    const parsed: readonly StoredEvent[] = JSON.parse(
      Buffer.from(body.buffer, body.byteOffset, body.length).toString(),
    );
    return Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
