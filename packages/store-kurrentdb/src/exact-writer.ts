import { StoreUnavailableError, UnknownOutcomeError } from "@es/core";
import type { CallLimit } from "./client-holder.ts";
import { versionOf } from "./event-mapping.ts";
import type { CompactEvent, KurrentClient, OutgoingEvent, StreamState } from "./kurrent-client.ts";
import { FIRST_PAUSE_MS, LEAST_ATTEMPT_MS, LONGEST_PAUSE_MS, SERVER_DEADLINE_MS } from "./limits.ts";
import type { LogPosition } from "./positions.ts";
import { ServerFailure } from "./server-failure.ts";
import type { ServerReader } from "./server-reader.ts";
import { isPassing, messageOf } from "./store-error.ts";

/** Events for one stream, and the version that the stream must have. */
export interface ExactWrite {
  readonly stream: string;
  readonly base: number;
  readonly events: readonly OutgoingEvent[];
}

/** A stream that must be in a state, without being written. */
export interface ExactCheck {
  readonly stream: string;
  readonly state: StreamState;
}

/** Writes, all or nothing. */
export interface ExactAppend {
  readonly writes: readonly ExactWrite[];
  readonly checks: readonly ExactCheck[];
}

/** What became of an append. */
export type ExactOutcome =
  | {
      readonly outcome: "stored";
      /** The version of each written stream. */
      readonly versions: readonly number[];
      /** Where its last event is, if the server has said it. */
      readonly position: LogPosition | undefined;
    }
  | { readonly outcome: "moved"; readonly stream: string; readonly actual: number };

interface Answer {
  readonly revisions: readonly bigint[];
  readonly position: LogPosition | undefined;
}

/**
 * Stores events at places that are named exactly, each append until its outcome is known. Of all attempts to store the same events
 * at one place at most one succeeds; so one without an answer is made again in the same way, and when that is refused, what stands
 * at the place says whether an earlier one was stored.
 */
export class ExactWriter {
  readonly #reader: ServerReader;

  constructor(reader: ServerReader) {
    this.#reader = reader;
  }

  /** @throws UnknownOutcomeError when the outcome cannot be known; anything else means that nothing was written */
  async store(append: ExactAppend, call: CallLimit): Promise<ExactOutcome> {
    const { holder } = this.#reader;
    const settling: CallLimit = { deadline: call.deadline, mustSettle: true };
    let isDoubtful = false;
    try {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
        holder.assertUsable(isDoubtful ? settling : call);
        try {
          // Once something was sent, neither an abort nor closing the store ends the call before its outcome is known.
          const answer = await holder.attempt(settling, (client) => send(client, append));
          return { outcome: "stored", versions: answer.revisions.map(versionOf), position: answer.position };
        } catch (error) {
          if (error instanceof ServerFailure && error.kind === "conflict") {
            return await this.#resolveConflict(append, error, isDoubtful, settling);
          }
          if (!isPassing(error)) throw error;
          isDoubtful ||= error.kind === "lost" || (error.kind === "not-leader" && isSimple(append));
          const found = error.kind === "lost" && !isSimple(append) ? await this.#lookUp(append, settling) : undefined;
          if (found !== undefined) return found;
          // What is sent and cannot be answered in time would only make a certain outcome an unknown one.
          if (performance.now() + pauseMs + LEAST_ATTEMPT_MS >= call.deadline) throw outOfTime(error);
        }
        await holder.pause(pauseMs, isDoubtful ? settling : call);
      }
    } catch (error) {
      // Whatever ended the call says nothing about an attempt that had no answer.
      if (isDoubtful) throw unknownOutcome(error);
      throw error;
    }
  }

  async #resolveConflict(
    append: ExactAppend,
    { facts }: ServerFailure,
    isDoubtful: boolean,
    settling: CallLimit,
  ): Promise<ExactOutcome> {
    const stream = facts.stream ?? append.writes[0]?.stream ?? "";
    const moved: ExactOutcome = { outcome: "moved", stream, actual: facts.actual ?? 0 };
    if (!isDoubtful) return moved;
    // All or nothing: one stream that has our events says that all have them, one that has others that none will.
    const write = append.writes.find((one) => one.stream === stream) ?? append.writes[0];
    const version = write === undefined ? "absent" : await this.storedUpTo(write, settling);
    if (version === "hidden") throw new Error("what stood there was removed since");
    if (version === "absent") return moved;
    const versions: number[] = [];
    for (const one of append.writes) {
      const reached = await this.storedUpTo(one, settling);
      versions.push(typeof reached === "number" ? reached : one.base + one.events.length);
    }
    return { outcome: "stored", versions, position: undefined };
  }

  /**
   * What the streams say about an append to several of them, where the server has no answer: it has none for one that is stored
   * already as to some of what it names. `undefined` when none has moved, so that the append may be made again.
   */
  async #lookUp({ writes }: ExactAppend, settling: CallLimit): Promise<ExactOutcome | undefined> {
    let moved: ExactOutcome | undefined;
    const versions: number[] = [];
    for (const write of writes) {
      const { stream, base } = write;
      const [last] = await this.#reader.stream(stream, { from: "end", isBackward: true, count: 1 }, settling);
      const actual = last === undefined ? 0 : versionOf(last.revision);
      if (actual === base) continue;
      moved ??= { outcome: "moved", stream, actual };
      const version = await this.storedUpTo(write, settling);
      if (typeof version !== "number") return { outcome: "moved", stream, actual };
      versions.push(version);
    }
    return versions.length === writes.length ? { outcome: "stored", versions, position: undefined } : moved;
  }

  /**
   * The version of the last of these events, when they stand at their place. A stream that was deleted begins anew where it ended, so
   * for the first events of a stream that is where it begins now; the server itself looks for them at its very start only.
   */
  async storedUpTo({ stream, base, events }: ExactWrite, call: CallLimit): Promise<number | "absent" | "hidden"> {
    const from = BigInt(base);
    const found = await this.#reader.stream(stream, { from, isBackward: false, count: events.length }, call);
    const [first] = found;
    const last = found.at(-1);
    if (first === undefined || last === undefined) return "absent";
    const isElsewhere = first.revision > from;
    const isSame = found.length === events.length && found.every(({ id }, i) => id.toLowerCase() === events[i]?.id);
    if (isSame && (base === 0 || !isElsewhere)) return versionOf(last.revision);
    return isElsewhere ? "hidden" : "absent";
  }
}

/** Whether the server answers it in any case: one stream, and nothing else to look at. */
function isSimple({ writes, checks }: ExactAppend): boolean {
  return writes.length === 1 && checks.length === 0;
}

async function send(client: KurrentClient, { writes, checks }: ExactAppend): Promise<Answer> {
  if (checks.length > 0) return await sendWithChecks(client, writes, checks);
  const write = writes[0];
  if (writes.length > 1 || write === undefined) {
    const requests = writes.map(({ stream, base, events }) => ({
      streamName: stream,
      expectedState: stateOf(base),
      events: [...events],
    }));
    return inOrder(writes, await client.multiStreamAppend(requests));
  }
  const { nextExpectedRevision, position } = await client.appendToStream(write.stream, write.events.map(toCompact), {
    streamState: stateOf(write.base),
    deadline: SERVER_DEADLINE_MS,
  });
  return { revisions: [nextExpectedRevision], position };
}

async function sendWithChecks(
  client: KurrentClient,
  writes: readonly ExactWrite[],
  checks: readonly ExactCheck[],
): Promise<Answer> {
  const records = writes.flatMap(({ stream, events }) => events.map((record) => ({ streamName: stream, record })));
  const expectations = [...writes.map(({ stream, base }) => ({ stream, state: stateOf(base) })), ...checks];
  const answer = await client.appendRecords(
    records,
    expectations.map(({ stream, state }) => ({ type: "stream_state", streamName: stream, expectedState: state })),
  );
  return inOrder(writes, answer);
}

/**
 * The client makes base64 of metadata that is an object, and turns that back into bytes twice, which costs as much as all checks of
 * the append. Its test for bytes fails for a `Buffer`.
 */
function toCompact({ id, type, contentType, data, metadata }: OutgoingEvent): CompactEvent {
  return { id, type, contentType, data, metadata: new Uint8Array(Buffer.from(JSON.stringify(metadata))) };
}

/** The state of a stream that has this version. */
export function stateOf(version: number): StreamState {
  return version === 0 ? "no_stream" : BigInt(version - 1);
}

function inOrder(
  writes: readonly ExactWrite[],
  { position, responses }: Awaited<ReturnType<KurrentClient["multiStreamAppend"]>>,
): Answer {
  const revisions = writes.map(({ stream, base, events }) => {
    const response = responses.find(({ streamName }) => streamName === stream);
    return response?.revision ?? BigInt(base + events.length - 1);
  });
  // Of a repetition of events that are hidden by now the server does not know where they are.
  return { revisions, position: position < 0n ? undefined : { commit: position, prepare: position } };
}

function outOfTime(failure: ServerFailure): StoreUnavailableError {
  return new StoreUnavailableError(
    `nothing was written: the KurrentDB server could not be reached in time (${failure.message}); try again, and look whether it runs`,
    { cause: failure },
  );
}

function unknownOutcome(error: unknown): UnknownOutcomeError {
  const cause = error instanceof StoreUnavailableError ? error.cause : error;
  return new UnknownOutcomeError(
    `the server did not say in time whether the append was stored, and could not be asked (${messageOf(cause)}); repeat the call with the same event ids`,
    { cause },
  );
}
