/** What a stream must be for an append to be written. */
export type ExpectedState = bigint | "no-stream" | "any" | "stream-exists";

/** An event as a client proposes it. */
export interface NewEvent {
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly customMetadata: Buffer;
  readonly data: Buffer;
}

/** An event with its place in its stream and in the log. */
export interface LoggedEvent extends NewEvent {
  readonly streamName: string;
  readonly revision: bigint;
  /** Commit and prepare position: for what comes over gRPC they are equal. */
  readonly position: bigint;
  readonly createdMs: number;
}

/** Where the server saw an event id last. */
export interface SeenId {
  readonly streamName: string;
  readonly revision: bigint;
}

/** Everything that was written, in order. It knows nothing of rules: those are in decide-append.ts and stream-view.ts. */
export interface EventLog {
  readonly events: readonly LoggedEvent[];
  /** The events of a stream by revision, those included that a limit or a deletion hides. */
  streamEvents(streamName: string): readonly LoggedEvent[];
  /** The revision of the last event of a stream, -1n without one. */
  lastRevision(streamName: string): bigint;
  isTombstoned(streamName: string): boolean;
  write(streamName: string, events: readonly NewEvent[]): void;
  /** Closes a stream for ever, with an entry in the log. */
  tombstone(streamName: string): LoggedEvent;
  /** What the server remembers of this event id; the memory is small and does not survive the server. */
  recall(eventId: string): SeenId | undefined;
  forgetIds(): void;
  /** Calls back after each write. Returns the function that ends this. */
  onWrite(listener: () => void): () => void;
  /** Ends one or several writes that belong together: keeps them, and tells the listeners. */
  announce(): void;
}

/** The revision of a tombstone. */
export const LAST_REVISION: bigint = 2n ** 63n - 1n;

export interface EventLogOptions {
  readonly now?: () => number;
  /** What an earlier process wrote. */
  readonly history?: readonly LoggedEvent[];
  /** Called with events that belong together, before any reader sees them. */
  readonly keep?: (events: readonly LoggedEvent[]) => void;
}

const NOBODY = Buffer.alloc(0);

/** Creates a log; a new one starts with an entry of the server's own, as on a real server, at position 0. */
export function createEventLog(options: EventLogOptions = {}): EventLog {
  const { now = Date.now, history = [], keep = () => {} } = options;
  const events: LoggedEvent[] = [];
  const streams = new Map<string, LoggedEvent[]>();
  const tombstoned = new Set<string>();
  const recentIds = new Map<string, SeenId>();
  const listeners = new Set<() => void>();
  let unkept: LoggedEvent[] = [];
  let nextPosition = 0n;

  function place(event: LoggedEvent): void {
    events.push(event);
    // Positions grow with gaps, like offsets in a file.
    nextPosition = event.position + BigInt(event.data.length + event.customMetadata.length + 97);
    if (event.revision === LAST_REVISION) {
      tombstoned.add(event.streamName);
      return;
    }
    const stream = streams.get(event.streamName);
    if (stream === undefined) streams.set(event.streamName, [event]);
    else stream.push(event);
  }

  function add(streamName: string, revision: bigint, event: NewEvent): LoggedEvent {
    const logged = { ...event, streamName, revision, position: nextPosition, createdMs: now() };
    unkept.push(logged);
    place(logged);
    recentIds.set(logged.id, { streamName, revision });
    return logged;
  }

  const lastRevision = (streamName: string): bigint => BigInt((streams.get(streamName)?.length ?? 0) - 1);

  function announce(): void {
    keep(unkept);
    unkept = [];
    for (const listener of listeners) listener();
  }

  for (const event of history) place(event);
  if (events.length === 0) {
    add("$epoch-information", 0n, systemEvent("$epoch-information"));
    announce();
  }

  return {
    events,
    lastRevision,
    streamEvents: (streamName) => streams.get(streamName) ?? [],
    isTombstoned: (streamName) => tombstoned.has(streamName),
    write(streamName, added) {
      for (const event of added) add(streamName, lastRevision(streamName) + 1n, event);
    },
    tombstone: (streamName) => add(streamName, LAST_REVISION, systemEvent("$streamDeleted")),
    recall: (eventId) => recentIds.get(eventId),
    forgetIds: () => recentIds.clear(),
    onWrite(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    announce,
  };
}

function systemEvent(type: string): NewEvent {
  return {
    id: crypto.randomUUID(),
    type,
    contentType: "application/json",
    customMetadata: NOBODY,
    data: Buffer.from("{}"),
  };
}
