import type { Position, RecordedEvent } from "@es/core";
import { describe } from "../errors/errors.ts";

/** A stream that is held back: an event of it could not be handled, and later ones must not overtake it. */
export interface ParkedStream {
  /** The stream. */
  readonly streamId: string;
  /** Version of the event that failed. It is handled first when the stream is replayed. */
  readonly firstVersion: number;
  /** Version of the newest event that waits behind it. */
  readonly lastVersion: number;
  /** How many events wait, the failed one included. */
  readonly events: number;
  /** Id of the event that failed. */
  readonly eventId: string;
  /** Type of the event that failed. */
  readonly eventType: string;
  /** Position of the event that failed. */
  readonly position: Position;
  /** How often it was tried. */
  readonly attempts: number;
  /** What the handler threw last. */
  readonly error: string;
  /** When it was parked, in milliseconds since 1970 UTC. */
  readonly parkedAt: number;
}

/** Streams that are held back, in the order in which they failed. */
export type ParkedList = readonly ParkedStream[];

/** Longest error text that is kept. All parked streams are in one register. */
const MAX_ERROR_LENGTH = 500;

/** What a handler threw, as it is kept. */
export function keptError(error: unknown): string {
  return describe(error).slice(0, MAX_ERROR_LENGTH).toWellFormed();
}

/** The list with one more stream, held back from this event on. */
export function withParked(
  list: ParkedList,
  event: RecordedEvent,
  failure: { readonly error: unknown; readonly attempts: number; readonly now: number },
): ParkedList {
  const { streamId, version, id, type, position } = event;
  return [
    ...list,
    {
      streamId,
      firstVersion: version,
      lastVersion: version,
      events: 1,
      eventId: id,
      eventType: type,
      position,
      attempts: failure.attempts,
      error: keptError(failure.error),
      parkedAt: failure.now,
    },
  ];
}

/** Tells events of parked streams from the others, and adds them to the list. */
export function splitParked(
  list: ParkedList,
  events: readonly RecordedEvent[],
): { readonly parked: ParkedList; readonly free: readonly RecordedEvent[] } {
  if (list.length === 0) return { parked: list, free: events };
  const streams = new Map(list.map((stream) => [stream.streamId, stream]));
  const free: RecordedEvent[] = [];
  for (const event of events) {
    const stream = streams.get(event.streamId);
    if (stream === undefined) free.push(event);
    else streams.set(event.streamId, { ...stream, lastVersion: event.version, events: stream.events + 1 });
  }
  return { parked: [...streams.values()], free };
}

/** The list after the first event of a stream was handled; without the stream when `next` is absent. */
export function withReplayed(list: ParkedList, streamId: string, next: RecordedEvent | undefined): ParkedList {
  return list.flatMap((stream) => {
    if (stream.streamId !== streamId) return [stream];
    if (next === undefined) return [];
    const { version, id, type, position } = next;
    return [
      {
        ...stream,
        firstVersion: version,
        events: stream.events - 1,
        eventId: id,
        eventType: type,
        position,
        attempts: 0,
      },
    ];
  });
}

/** The list after another failed attempt at the first event of a stream. */
export function withFailedReplay(list: ParkedList, streamId: string, error: unknown, attempts: number): ParkedList {
  return list.map((stream) =>
    stream.streamId === streamId
      ? {
          ...stream,
          attempts: stream.attempts + attempts,
          error: keptError(error),
        }
      : stream,
  );
}

/** How many events a list holds back. */
export function countParked(list: ParkedList): number {
  return list.reduce((sum, { events }) => sum + events, 0);
}

/** The list in a stored value, or `undefined` when it holds something else. */
export function parseParked(value: unknown): ParkedList | undefined {
  if (value === undefined) return [];
  return Array.isArray(value) && value.every(isParkedStream) ? value : undefined;
}

function isParkedStream(value: unknown): value is ParkedStream {
  if (typeof value !== "object" || value === null) return false;
  const members = new Map<string, unknown>(Object.entries(value));
  return (
    ["streamId", "eventId", "eventType", "position", "error"].every((name) => typeof members.get(name) === "string") &&
    ["firstVersion", "lastVersion", "events", "attempts", "parkedAt"].every(
      (name) => typeof members.get(name) === "number",
    )
  );
}
