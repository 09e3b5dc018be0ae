import type { CallLimit } from "./call-limit.ts";
import type { JetStreamApi } from "./jetstream-api.ts";
import { JETSTREAM_CODES, JetStreamError } from "./request-failure.ts";
import { fromDirectGet, fromLeader, type GetAnswer, type StoredMessage, streamOf } from "./stored-message.ts";

/** Matches every message of a stream. */
export const EVERYTHING = ">";

type Which =
  | { readonly last_by_subj: string }
  | { readonly next_by_subj: string; readonly seq: number }
  | { readonly seq: number };

/**
 * Gets single messages. A direct get may be answered by a replica that lags behind, and also by any mirror of the stream, which
 * servers let take part unless its owner says otherwise (`mirror_direct`). So what is the newest is asked from the leader alone;
 * a message that a direct get finds is the right one, and one that it does not find is asked from the leader.
 */
export class MessageLookup {
  readonly #api: JetStreamApi;
  readonly #stream: string;

  constructor(api: JetStreamApi, stream: string) {
    this.#api = api;
    this.#stream = stream;
  }

  /** The newest message on a subject, which may have wildcards. */
  last(subject: string, call: CallLimit): Promise<StoredMessage | undefined> {
    return this.#fromLeader({ last_by_subj: subject }, call);
  }

  /** The first message on a subject behind a sequence. */
  async next(subject: string, after: number, call: CallLimit): Promise<StoredMessage | undefined> {
    const which = { next_by_subj: subject, seq: after + 1 };
    return (await this.#direct(which, call)) ?? (await this.#fromLeader(which, call));
  }

  /** Like {@link next}, as the leader has it. */
  nextOfLeader(subject: string, after: number, call: CallLimit): Promise<StoredMessage | undefined> {
    return this.#fromLeader({ next_by_subj: subject, seq: after + 1 }, call);
  }

  /** The message with this sequence. */
  async at(sequence: number, call: CallLimit): Promise<StoredMessage | undefined> {
    const which = { seq: sequence };
    return (await this.#direct(which, call)) ?? (await this.#fromLeader(which, call));
  }

  async #direct(which: Which, call: CallLimit): Promise<StoredMessage | undefined> {
    const { link, prefix } = this.#api;
    return await this.#api.persist("a message", call, async (limitMs) => {
      const subject = `${prefix}.DIRECT.GET.${this.#stream}`;
      const message = await link.request(subject, JSON.stringify(which), call, { limitMs });
      const status = message.headers?.code ?? 0;
      if (status === 404) return undefined;
      if (status !== 0) throw new JetStreamError({ code: status, description: message.headers?.description ?? "" });
      // A mirror may have had messages removed.
      return streamOf(message) === this.#stream ? fromDirectGet(message) : undefined;
    });
  }

  async #fromLeader(which: Which, call: CallLimit): Promise<StoredMessage | undefined> {
    try {
      return fromLeader(await this.#api.ask<GetAnswer>(`STREAM.MSG.GET.${this.#stream}`, which, call));
    } catch (error) {
      if (error instanceof JetStreamError && error.errorCode === JETSTREAM_CODES.noMessage) return undefined;
      throw error;
    }
  }
}
