import type { LogPosition } from "./positions.ts";
import type { ServerMetadata } from "./event-metadata.ts";

/** An event as the client takes it. */
export interface OutgoingEvent {
  readonly id: string;
  readonly type: string;
  readonly contentType: "application/json";
  /** Plain JSON, by the client's type for it: anything else would make the client wait for ever. */
  readonly data: Record<string, unknown> | unknown[] | string;
  readonly metadata: ServerMetadata;
}

/** An event of an append to one stream, where the client takes metadata as JSON text in UTF-8 too. */
export interface CompactEvent extends Omit<OutgoingEvent, "metadata"> {
  readonly metadata: Uint8Array;
}

/** An event as the client gives it. */
export interface IncomingEvent {
  readonly streamId: string;
  readonly id: string;
  readonly revision: bigint;
  readonly type: string;
  readonly isJson: boolean;
  readonly data: unknown;
  readonly metadata?: unknown;
  readonly created: Date;
  readonly position?: LogPosition;
}

/** One answer of a read. Without `event` it is a link to something that is gone. */
export interface ResolvedEvent {
  readonly event?: IncomingEvent;
  readonly commitPosition?: bigint;
}

/** What a stream must be like. */
export type StreamState = bigint | "no_stream" | "stream_exists";

/** What to read of the log. */
export interface ServerFilter {
  readonly filterOn: "streamName" | "eventType";
  readonly regex: string;
  readonly checkpointInterval: number;
  readonly maxSearchWindow?: number;
  /** For subscriptions: called and waited for when the server says how far it has looked. It must not fail. */
  readonly checkpointReached?: (subscription: unknown, position: LogPosition) => Promise<void>;
}

/** A running subscription. It emits `error`, and ends its iteration when the server ends it. */
export interface ClientSubscription extends AsyncIterable<ResolvedEvent> {
  on(event: "confirmation" | "caughtUp" | "end", listener: () => void): unknown;
  on(event: "data", listener: (resolved: ResolvedEvent) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  /** Events that came and were not given out yet. */
  readonly readableLength: number;
  unsubscribe(): Promise<void>;
}

interface Written {
  readonly position: bigint;
  readonly responses: readonly { readonly streamName: string; readonly revision: bigint }[];
}

/** The part of a `KurrentDBClient` that the store uses. */
export interface KurrentClient {
  appendToStream(
    stream: string,
    events: CompactEvent[],
    options: { readonly streamState: StreamState; readonly deadline: number },
  ): Promise<{ readonly nextExpectedRevision: bigint; readonly position?: LogPosition }>;
  multiStreamAppend(
    requests: { streamName: string; expectedState: StreamState; events: OutgoingEvent[] }[],
  ): Promise<Written>;
  appendRecords(
    records: { streamName: string; record: OutgoingEvent }[],
    checks: { type: "stream_state"; streamName: string; expectedState: StreamState }[],
  ): Promise<Written>;
  setStreamMetadata(
    stream: string,
    metadata: { readonly maxCount: number },
    options: { readonly expectedRevision: "no_stream"; readonly deadline: number },
  ): Promise<unknown>;
  readStream(
    stream: string,
    options: {
      readonly direction: "forwards" | "backwards";
      readonly fromRevision: bigint | "start" | "end";
      readonly maxCount: number;
    },
  ): AsyncIterable<ResolvedEvent>;
  readAll(options: {
    readonly direction: "forwards" | "backwards";
    readonly fromPosition: LogPosition | "start" | "end";
    readonly maxCount: number;
    readonly filter?: ServerFilter;
  }): AsyncIterable<ResolvedEvent>;
  subscribeToAll(options: {
    readonly fromPosition: LogPosition | "start" | "end";
    readonly filter: ServerFilter;
  }): ClientSubscription;
  subscribeToStream(stream: string, options: { readonly fromRevision: "start" }): ClientSubscription;
  dispose(): Promise<void>;
}
