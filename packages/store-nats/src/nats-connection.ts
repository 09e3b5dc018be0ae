import type { Msg, MsgHdrs } from "@nats-io/transport-node";

/** What the store listens to on a connection. */
export interface NatsStatus {
  /** `"disconnect"`, `"reconnect"` and `"error"` are of interest. */
  readonly type: string;
  /** What the server complains about. */
  readonly error?: Error;
}

/** A subscription of the store. */
export interface NatsSubscription {
  /** Ends it. */
  unsubscribe(): void;
}

/**
 * The part of a NATS connection that the store uses. A `NatsConnection` of `@nats-io/transport-node`, or of another transport of
 * the same client, fits as it is.
 */
export interface NatsClient {
  /** What the server said about itself. */
  readonly info?: {
    readonly version: string;
    readonly max_payload: number;
    readonly jetstream?: boolean;
    readonly cluster?: string;
  };
  /** Sends a message. */
  publish(subject: string, payload?: Uint8Array | string, options?: { reply?: string; headers?: MsgHdrs }): void;
  /** Receives messages. */
  subscribe(subject: string, options?: { callback?: (error: Error | null, message: Msg) => void }): NatsSubscription;
  /** What happens to the connection. */
  status(): AsyncIterable<NatsStatus>;
  /** Resolves when the connection is closed for good. */
  closed(): Promise<unknown>;
  /** Whether it is closed for good. */
  isClosed(): boolean;
  /** Whether it is about to be closed. */
  isDraining(): boolean;
  /** Sends what is waiting, then closes. */
  drain(): Promise<void>;
  /** Closes at once. */
  close(): Promise<void>;
}
