import { StoreCorruptError, StoreFormatError } from "@es/core";
import type { CallLimit } from "./call-limit.ts";
import type { JetStreamApi } from "./jetstream-api.ts";
import { readDescription, type StreamConfig } from "./stream-config.ts";

/** What a JetStream stream says of itself. */
interface StreamInfo {
  readonly config: StreamConfig;
  readonly state: { readonly messages: number; readonly first_seq: number; readonly last_seq: number };
}

/**
 * Watches that the stream below an open store stays the same one. It cannot be replaced without a restart of its server, an import
 * or somebody's hand; so it is looked at after each reconnection, and when something does not fit.
 */
export class StreamCheck {
  readonly #api: JetStreamApi;
  readonly #stream: string;
  readonly #identity: string;
  #checkedAt = 0;

  constructor(api: JetStreamApi, stream: string, identity: string) {
    this.#api = api;
    this.#stream = stream;
    this.#identity = identity;
  }

  /**
   * Asks nothing on a connection that it has asked on before.
   *
   * @throws StoreFormatError when the stream is gone, or another one
   */
  async assertSame(call: CallLimit): Promise<void> {
    if (this.#checkedAt === this.#api.link.connections) return;
    await this.#look(call);
  }

  /** @throws StoreFormatError when the stream is gone, or another one */
  async assertThere(call: CallLimit): Promise<void> {
    await this.#look(call);
  }

  /** On how many servers it is kept now. @throws StoreFormatError when the stream is gone, or another one */
  async replicas(call: CallLimit): Promise<number> {
    return (await this.#look(call)).config.num_replicas;
  }

  /**
   * Nothing is ever removed, so a message that is missing was lost.
   *
   * @throws StoreCorruptError when the stream has lost messages
   */
  async assertWhole(call: CallLimit): Promise<void> {
    const { messages, last_seq } = (await this.#look(call)).state;
    if (messages === last_seq) return;
    throw new StoreCorruptError(
      `the JetStream stream ${this.#stream} has only ${messages} of its ${last_seq} messages: the server has lost commits, restore a backup`,
    );
  }

  async #look(call: CallLimit): Promise<StreamInfo> {
    const { connections } = this.#api.link;
    const info = await this.#api.ask<StreamInfo>(`STREAM.INFO.${this.#stream}`, undefined, call);
    if (readDescription(info.config.description)?.identity !== this.#identity) {
      throw new StoreFormatError(
        `the JetStream stream ${this.#stream} is another one than when the event store was opened; open it again, and start its readers anew`,
      );
    }
    this.#checkedAt = connections;
    return info;
  }
}
