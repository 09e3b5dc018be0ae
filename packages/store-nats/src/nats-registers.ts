import {
  AppendTooLargeError,
  type Register,
  type Registers,
  StoreUnavailableError,
  UnknownOutcomeError,
  UnsupportedError,
} from "@es/core";
import { assertRegisterKey, assertRegisterWrite, type StreamTurns } from "@es/core/adapter";
import type { CallLimit } from "./call-limit.ts";
import { ConsumerFeed } from "./consumer-feed.ts";
import type { JetStreamApi } from "./jetstream-api.ts";
import { MESSAGES_PER_FETCH } from "./limits.ts";
import { EVERYTHING, type MessageLookup } from "./message-lookup.ts";
import { type RegisterMessage, RegisterWriter, toRegisterMessage } from "./register-writer.ts";
import { toStoreError } from "./store-error.ts";
import { escapeToken, unescapeToken } from "./subjects.ts";

const WAITED_IN_VAIN =
  "earlier writes of this process to the same register took too long, and this one was not begun; try again";
const LAG_PAUSE_MS = 10;

/** What the registers need of their store. */
export interface RegisterParts {
  readonly api: JetStreamApi;
  readonly lookup: MessageLookup;
  readonly turns: StreamTurns;
  /** JetStream's stream of the bucket. */
  readonly stream: string;
  /** What the subjects begin with. */
  readonly prefix: string;
  maxBytes(): number;
  /** The limit of a call that begins now. */
  limit(signal: AbortSignal | undefined): CallLimit;
  /** Lets closing the store wait for a write. */
  track<Result>(work: Promise<Result>): Promise<Result>;
}

interface RegisterCall {
  readonly expected?: number;
  readonly tx?: unknown;
  readonly signal?: AbortSignal;
}

/** Registers in a key-value bucket. A revision is the sequence of the message that holds the value; deleting leaves a marker. */
export function createNatsRegisters(parts: RegisterParts): Registers {
  const { api, lookup, turns } = parts;
  const writer = new RegisterWriter(api.link);
  const subjectFor = (key: string): string => `${parts.prefix}.${escapeToken(key)}`;
  const current = async (subject: string, call: CallLimit): Promise<RegisterMessage | undefined> => {
    const message = await lookup.last(subject, call);
    return message === undefined ? undefined : toRegisterMessage(message);
  };

  /** Compare-and-set of the newest message of a subject; without an expectation, until it succeeds. */
  const write = async (
    key: string,
    value: string | undefined,
    call: RegisterCall = {},
  ): Promise<number | undefined> => {
    assertRegisterWrite(key, value, call.expected);
    assertNoTransaction(call);
    const size = value === undefined ? 0 : Buffer.byteLength(value);
    const maxBytes = parts.maxBytes();
    if (size > maxBytes) throw new AppendTooLargeError({ unit: "bytes", limit: maxBytes, actual: size });
    const subject = subjectFor(key);
    const limit = parts.limit(call.signal);
    api.link.assertUsable(limit);
    const { turn, leave } = turns.queue([subject]);
    try {
      if (turn !== undefined) await api.link.within(turn, limit, () => new StoreUnavailableError(WAITED_IN_VAIN));
      for (;;) {
        let previous = call.expected;
        // A key that was deleted has a marker, which the next value must be built on.
        if (previous === undefined || previous === 0 || value === undefined) {
          const found = await current(subject, limit);
          const isThere = found?.value !== undefined;
          if (call.expected === 0 ? isThere : call.expected !== undefined && call.expected !== found?.sequence) {
            return undefined;
          }
          if (value === undefined && !isThere) return undefined;
          previous = found?.sequence ?? 0;
        }
        const written = await writer.write({ subject, value, previous }, limit, () => current(subject, limit));
        if (written !== undefined || (call.expected ?? 0) !== 0) return written;
      }
    } catch (error) {
      throw error instanceof UnknownOutcomeError
        ? error
        : toStoreError(error, `writing register ${JSON.stringify(key)}`);
    } finally {
      leave();
    }
  };

  return {
    async get(key, call): Promise<Register | undefined> {
      assertRegisterKey(key);
      assertNoTransaction(call);
      const limit = parts.limit(call?.signal);
      api.link.assertUsable(limit);
      try {
        const found = await current(subjectFor(key), limit);
        return found?.value === undefined ? undefined : { value: found.value, revision: found.sequence };
      } catch (error) {
        throw toStoreError(error, `reading register ${JSON.stringify(key)}`);
      }
    },

    set: (key, value, call) => parts.track(write(key, value, call)),

    async delete(key, call) {
      return (await parts.track(write(key, undefined, call))) !== undefined;
    },

    async *keys(prefix, call) {
      api.link.assertUsable(call);
      const seen = new Set<string>();
      const feed = new ConsumerFeed(api, {
        stream: parts.stream,
        subjects: [EVERYTHING],
        after: 0,
        isHeadersOnly: true,
      });
      try {
        const newest = await lookup.last(EVERYTHING, parts.limit(call?.signal));
        const head = newest?.sequence ?? 0;
        if (head === 0) return;
        let limit = parts.limit(call?.signal);
        // A value that changes moves behind `head`, so everything is read up to what is the newest then.
        for (let sequence = 0; ; ) {
          const { messages, isEnd } = await feed.fetch(MESSAGES_PER_FETCH, limit);
          for (const message of messages) {
            sequence = message.sequence;
            const key = unescapeToken(message.subject.slice(parts.prefix.length + 1));
            const { isDeleted } = toRegisterMessage(message);
            if (key === undefined || isDeleted || !key.startsWith(prefix) || seen.has(key)) continue;
            seen.add(key);
            api.link.assertUsable(call);
            yield key;
          }
          if (isEnd && sequence >= head) return;
          if (messages.length > 0) limit = parts.limit(call?.signal);
          else if (performance.now() + LAG_PAUSE_MS > limit.deadline) throw lagging();
          else await api.link.pause(LAG_PAUSE_MS, limit);
        }
      } catch (error) {
        throw toStoreError(error, "listing registers");
      } finally {
        feed.close();
      }
    },
  };
}

function lagging(): StoreUnavailableError {
  return new StoreUnavailableError(
    "the server that answers has not got the newest registers in time; try again, and look at the state of the cluster",
  );
}

function assertNoTransaction(call: RegisterCall | undefined): void {
  if (call?.tx !== undefined) throw new UnsupportedError(NO_TRANSACTIONS);
}

/** Why there are no transactions. */
export const NO_TRANSACTIONS = "NATS JetStream has no transactions that a caller could take part in";
