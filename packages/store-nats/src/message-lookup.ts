import type { JetStreamApi } from "./jetstream-api.ts";
import type { CallLimit } from "./link.ts";
import { JETSTREAM_CODES, JetStreamError } from "./request-failure.ts";
import { fromDirectGet, fromLeader, type GetAnswer, type StoredMessage } from "./stored-message.ts";

/** Matches every message of a stream. */
export const EVERYTHING = ">";

type Which =
  | { readonly last_by_subj: string }
  | { readonly next_by_subj: string; readonly seq: number }
  | { readonly seq: number };

/**
 * Gets single messages, as the server that decides about appends sees them. With one replica that is any direct get; with
 * several, a direct get may be answered by one that lags behind, so the leader is asked.
 */
export class MessageLookup {
  readonly #api: JetStreamApi;
  readonly #stream: string;
  readonly #isReplicated: boolean;

  constructor(api: JetStreamApi, stream: string, isReplicated: boolean) {
    this.#api = api;
    this.#stream = stream;
    this.#isReplicated = isReplicated;
  }

  /** The newest message on a subject, which may have wildcards. */
  last(subject: string, call: CallLimit): Promise<StoredMessage | undefined> {
    return this.#get({ last_by_subj: subject }, call);
  }

  /** The first message on a subject behind a sequence. */
  next(subject: string, after: number, call: CallLimit): Promise<StoredMessage | undefined> {
    return this.#get({ next_by_subj: subject, seq: after + 1 }, call);
  }

  /** The message with this sequence. */
  at(sequence: number, call: CallLimit): Promise<StoredMessage | undefined> {
    return this.#get({ seq: sequence }, call);
  }

  async #get(which: Which, call: CallLimit): Promise<StoredMessage | undefined> {
    return this.#isReplicated ? await this.#fromLeader(which, call) : await this.#direct(which, call);
  }

  async #direct(which: Which, call: CallLimit): Promise<StoredMessage | undefined> {
    const { link, prefix } = this.#api;
    return await this.#api.persist("a message", call, async () => {
      const subject = `${prefix}.DIRECT.GET.${this.#stream}`;
      const message = await link.request(subject, JSON.stringify(which), call);
      const status = message.headers?.code ?? 0;
      if (status === 404) return undefined;
      if (status !== 0) throw new JetStreamError({ code: status, description: message.headers?.description ?? "" });
      return fromDirectGet(message);
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
