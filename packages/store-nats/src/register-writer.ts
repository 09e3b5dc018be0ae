import { StoreUnavailableError, UnknownOutcomeError } from "@es/core";
import { headers } from "@nats-io/transport-node";
import type { CallLimit } from "./call-limit.ts";
import { attemptMs } from "./limits.ts";
import type { Link } from "./link.ts";
import { expectLast, publishOnce } from "./publish.ts";
import type { StoredMessage } from "./stored-message.ts";
import { messageOf } from "./store-error.ts";

/** The header of every register: format, id of the write, sequence of the message that it replaced. */
const WRITE_HEADER = "Es-Write";
/** As in every key-value bucket. */
const OPERATION_HEADER = "KV-Operation";
const DELETED = "DEL";
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 100;

/** The newest message of a register. */
export interface RegisterMessage {
  readonly sequence: number;
  readonly isDeleted: boolean;
  /** Absent when it was deleted. */
  readonly value: string | undefined;
  readonly writeId: string;
  /** What it replaced; unknown when another tool wrote it. */
  readonly previous: number | undefined;
}

/** What a message says about its register. */
export function toRegisterMessage(message: StoredMessage): RegisterMessage {
  const operation = message.header(OPERATION_HEADER);
  const isDeleted = operation === DELETED || operation === "PURGE";
  const [, writeId = "", previous] = /^1 ([0-9a-f-]{36}) (\d+)$/.exec(message.header(WRITE_HEADER)) ?? [];
  return {
    sequence: message.sequence,
    isDeleted,
    value: isDeleted ? undefined : Buffer.from(message.data).toString(),
    writeId,
    previous: previous === undefined ? undefined : Number(previous),
  };
}

interface RegisterWrite {
  readonly subject: string;
  /** `undefined` deletes. */
  readonly value: string | undefined;
  /** Sequence of the message that must be the newest one; 0: there is none. */
  readonly previous: number;
}

/** Writes registers by compare-and-set, each until its outcome is known. */
export class RegisterWriter {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Resolves to the new sequence, or to `undefined` when `previous` was not the newest one.
   *
   * @throws UnknownOutcomeError when that cannot be known
   */
  async write(
    { subject, value, previous }: RegisterWrite,
    call: CallLimit,
    current: () => Promise<RegisterMessage | undefined>,
  ): Promise<number | undefined> {
    const id = globalThis.crypto.randomUUID();
    const settling = { deadline: call.deadline, mustSettle: true };
    let isDoubtful = false;
    let unanswered = 0;
    try {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
        const made = expectLast(headers(), previous);
        made.set(WRITE_HEADER, `1 ${id} ${previous}`);
        if (value === undefined) made.set(OPERATION_HEADER, DELETED);
        const message = { subject, headers: made, body: value ?? "" };
        const limit = isDoubtful ? settling : call;
        this.#link.assertUsable(limit);
        const published = await publishOnce(this.#link, [message], {
          before: limit,
          after: settling,
          limitMs: attemptMs(unanswered),
        });
        if (published.outcome === "stored") return published.sequence;
        if (published.outcome === "moved") {
          if (!isDoubtful) return undefined;
          const found = await current();
          if (found?.writeId === id) return found.sequence;
          if (found !== undefined && found.sequence > previous) {
            // Only the newest value is kept: ours is out of the question only if this one took its place directly.
            if (found.previous !== previous) throw new Error("the register has changed more than once since");
            return undefined;
          }
        } else if (published.outcome === "unknown") {
          isDoubtful = true;
          unanswered += 1;
        }
        if (performance.now() + pauseMs >= call.deadline) {
          const reason = published.outcome === "moved" ? "the server is still deciding" : published.cause.message;
          throw new StoreUnavailableError(`the register was not written in time: ${reason}; try again`);
        }
        await this.#link.pause(pauseMs, limit);
      }
    } catch (error) {
      if (!isDoubtful) throw error;
      throw new UnknownOutcomeError(
        `whether the register was written is not known (${messageOf(error)}); read it, and decide again`,
        { cause: error },
      );
    }
  }
}
