import { WakeUp } from "@es/core/adapter";
import { createInbox } from "@nats-io/transport-node";
import type { LogSource } from "./log-source.ts";
import type { NatsSubscription } from "./nats-connection.ts";

const HEARTBEAT_MS = 2_000;
const SILENCE_MS = 5_000;
const NANOSECONDS = 1_000_000;

/**
 * Where live reads wait. While somebody waits, one consumer per store sends the headers of new messages, each once it is
 * stored. What it says is a hint only, and so is its silence: the log is looked at every `pollIntervalMs` in any case.
 */
export class LiveWait {
  readonly #wakeUp = new WakeUp();
  readonly #source: LogSource;
  readonly #pollIntervalMs: number;
  #poll: NodeJS.Timeout | undefined;
  #waiting = 0;
  #subscription: NatsSubscription | undefined;
  #isListening = false;
  #heardAt = 0;

  constructor(source: LogSource, pollIntervalMs: number) {
    this.#source = source;
    this.#pollIntervalMs = pollIntervalMs;
    source.link.onReconnect.add(() => {
      this.#isListening = false;
      this.notify();
    });
  }

  /** Take it before reading; {@link wait} then misses nothing. */
  get epoch(): number {
    return this.#wakeUp.epoch;
  }

  /** Something was stored, or the store is closed. */
  notify(): void {
    this.#wakeUp.notify();
  }

  /** Resolves once something may have been stored since `epoch` was taken. */
  async wait(epoch: number, signal: AbortSignal | undefined): Promise<void> {
    this.#waiting += 1;
    this.#poll ??= setInterval(() => this.#look(), this.#pollIntervalMs);
    if (!this.#isListening) void this.#listen();
    try {
      await this.#wakeUp.wait(epoch, signal);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Ends all waiting for good. */
  close(): void {
    this.#stop();
    this.notify();
  }

  #look(): void {
    // A reader is between two waits most of the time; only when nobody came for a whole interval is there no reader.
    if (this.#waiting === 0) {
      this.#stop();
      return;
    }
    if (performance.now() - this.#heardAt > SILENCE_MS) this.#isListening = false;
    this.notify();
  }

  #stop(): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
    this.#isListening = false;
    this.#unsubscribe();
  }

  #unsubscribe(): void {
    // The server removes the consumer when nobody is there to receive from it.
    if (!this.#source.link.client.isClosed()) this.#subscription?.unsubscribe();
    this.#subscription = undefined;
  }

  async #listen(): Promise<void> {
    this.#isListening = true;
    this.#heardAt = performance.now();
    this.#unsubscribe();
    const { api, stream, link } = this.#source;
    const inbox = createInbox();
    try {
      this.#subscription = link.client.subscribe(inbox, { callback: (_error, message) => this.#hear(message.headers) });
      const config = {
        deliver_subject: inbox,
        deliver_policy: "new",
        ack_policy: "none",
        replay_policy: "instant",
        headers_only: true,
        idle_heartbeat: HEARTBEAT_MS * NANOSECONDS,
        mem_storage: true,
        num_replicas: 1,
      };
      await api.ask(`CONSUMER.CREATE.${stream}`, { stream_name: stream, config }, this.#source.limit(undefined));
      // Something may have been stored before it began to listen.
      this.notify();
    } catch {
      // Readers find out by themselves whether the server is away; until this works they look every interval.
      this.#isListening = false;
    }
  }

  #hear(headers: { readonly code: number } | undefined): void {
    this.#heardAt = performance.now();
    if (headers?.code !== 100) this.notify();
  }
}
