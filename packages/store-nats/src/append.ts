import { type AppendResult, ConcurrencyError, StoreUnavailableError, UnknownOutcomeError } from "@es/core";
import { meetsExpectedVersion, versionBefore } from "@es/core/adapter";
import { commitHeaders, lastPositionOf } from "./commit.ts";
import type { EncodedAppend, EncodedWrite } from "./encoded-append.ts";
import { type KnownStreams, NO_STREAM, type StreamEnd } from "./known-streams.ts";
import { attemptMs } from "./limits.ts";
import type { CallLimit } from "./link.ts";
import type { LogSource } from "./log-source.ts";
import { expectLast, type Published, publishOnce } from "./publish.ts";
import type { StreamReader } from "./read-stream.ts";
import { messageOf, toStoreError } from "./store-error.ts";
import type { StreamTurns } from "./stream-turns.ts";
import { subjectOf } from "./subjects.ts";

const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 100;

/** What appending needs. */
export interface AppendTools {
  readonly source: LogSource;
  readonly streams: StreamReader;
  readonly known: KnownStreams;
  readonly turns: StreamTurns;
}

/** A stream with the end that this append builds on. */
interface Place {
  readonly write: EncodedWrite;
  readonly end: StreamEnd;
}

/**
 * Appends. Every attempt states the sequence of the commit that it builds on, and only one commit can ever be stored on top of
 * another; so an attempt without an answer is made again, and whether one of them was stored is seen from what stands there.
 */
export class Appender {
  readonly #tools: AppendTools;

  constructor(tools: AppendTools) {
    this.#tools = tools;
  }

  async append(append: EncodedAppend, signal: AbortSignal | undefined): Promise<AppendResult> {
    const { source, turns } = this.#tools;
    const call = source.limit(signal);
    const { turn, leave } = turns.queue(append.writes.map(({ streamId }) => streamId));
    try {
      if (turn !== undefined) await source.link.within(turn, call, () => waitedInVain());
      return await new AppendAttempts(this.#tools, append, call).run();
    } catch (error) {
      throw toStoreError(error, "appending");
    } finally {
      leave();
    }
  }
}

/** One append, until its outcome is known. */
class AppendAttempts {
  readonly #tools: AppendTools;
  readonly #append: EncodedAppend;
  readonly #call: CallLimit;
  /** Once something was sent, neither an abort nor closing the store ends the call before its outcome is known. */
  readonly #settling: CallLimit;
  /** Where an attempt without an answer may have been stored. */
  #doubtful: readonly Place[] | undefined;
  #unanswered = 0;
  #cause: Error | undefined;
  /** The connection on which the places were found. */
  #connections = 0;

  constructor(tools: AppendTools, append: EncodedAppend, call: CallLimit) {
    this.#tools = tools;
    this.#append = append;
    this.#call = call;
    this.#settling = { deadline: call.deadline, mustSettle: true };
  }

  async run(): Promise<AppendResult> {
    try {
      return await this.#untilKnown();
    } catch (error) {
      // Whatever ended the call says nothing about an attempt that had no answer.
      if (this.#doubtful !== undefined) throw unknownOutcome(error);
      throw error;
    }
  }

  async #untilKnown(): Promise<AppendResult> {
    const { link, check } = this.#tools.source;
    let places = await this.#places();
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      if (places.some(isRefused)) {
        places = await this.#look();
        const refused = places.find(isRefused);
        if (refused !== undefined) return await this.#refuse(refused);
      }
      await link.untilConnected(this.#limit());
      if (this.#doubtful === undefined && link.connections !== this.#connections) {
        places = await this.#places();
        continue;
      }
      const published = await this.#publish(places);
      if (published.outcome === "stored") return this.#stored(places, published.sequence);
      if (published.outcome === "moved") {
        const stored = await this.#findDoubtful();
        if (stored !== undefined) return stored;
        // As long as an attempt without an answer may yet be stored, nothing may be built on anything else.
        if (this.#doubtful === undefined) {
          const before = places;
          places = await this.#look();
          if (places.some(({ end }, index) => end.sequence !== before[index]?.end.sequence)) pauseMs = 0;
        }
      } else {
        if (published.outcome === "unknown") {
          this.#doubtful = places;
          this.#unanswered += 1;
        }
        this.#cause = published.cause;
        if (published.cause.kind === "nobody") await check.assertThere(this.#limit());
      }
      this.#assertTimeIsLeft(pauseMs);
      if (pauseMs > 0) await link.pause(pauseMs, this.#limit());
      else pauseMs = FIRST_PAUSE_MS / 2;
    }
  }

  #limit(): CallLimit {
    return this.#doubtful === undefined ? this.#call : this.#settling;
  }

  async #publish(places: readonly Place[]): Promise<Published> {
    const { source } = this.#tools;
    const messages = places.map(({ write, end }) => {
      const { streamId, events, body } = write;
      const facts = { id: this.#append.id, previous: end.sequence, base: end.version, count: events.length };
      return {
        subject: subjectOf(source.prefix, streamId),
        headers: expectLast(commitHeaders(facts), end.sequence),
        body,
      };
    });
    source.link.assertUsable(this.#limit());
    const limitMs = attemptMs(this.#unanswered);
    return await publishOnce(source.link, messages, { before: this.#limit(), after: this.#settling, limitMs });
  }

  #stored(places: readonly Place[], lastSequence: number): AppendResult {
    const first = lastSequence - places.length + 1;
    const count = places.at(-1)?.write.events.length ?? 0;
    const versions = places.map(({ write, end }, index) => {
      const version = end.version + write.events.length;
      this.#tools.known.learn(write.streamId, { sequence: first + index, version });
      return version;
    });
    return { position: lastPositionOf({ sequence: lastSequence, count }), versions, duplicate: false };
  }

  /** The ends of the streams as far as they are known; a new stream needs no look. */
  async #places(): Promise<readonly Place[]> {
    const { known, source } = this.#tools;
    this.#connections = source.link.connections;
    await source.check.assertSame(this.#call);
    return await Promise.all(
      this.#append.writes.map(async (write) => {
        const { streamId, expected } = write;
        const isNew = expected === 0 || expected === "no-stream";
        return { write, end: known.get(streamId) ?? (isNew ? NO_STREAM : await this.#lookAt(streamId)) };
      }),
    );
  }

  /** The ends of the streams as the server has them. */
  async #look(): Promise<readonly Place[]> {
    return await Promise.all(
      this.#append.writes.map(async (write) => ({ write, end: await this.#lookAt(write.streamId) })),
    );
  }

  async #lookAt(streamId: string): Promise<StreamEnd> {
    const { source, known } = this.#tools;
    const last = await source.last(streamId, this.#limit());
    const end = last === undefined ? NO_STREAM : { sequence: last.sequence, version: last.base + last.count };
    // What was known may be of a log that was replaced.
    known.forget(streamId);
    known.learn(streamId, end);
    return end;
  }

  /**
   * After a refusal: the result, when an earlier attempt is what stands where it would stand. When another commit stands there,
   * no attempt can ever be stored any more.
   */
  async #findDoubtful(): Promise<AppendResult | undefined> {
    const places = this.#doubtful ?? [];
    for (const [index, { write, end }] of places.entries()) {
      const found = await this.#tools.source.next(write.streamId, end.sequence, this.#settling);
      // Nothing stands there yet: the server is still deciding.
      if (found === undefined) continue;
      if (found.id === this.#append.id) return this.#stored(places, found.sequence + places.length - 1 - index);
      this.#doubtful = undefined;
      return undefined;
    }
    return undefined;
  }

  /** The first result when this very append was stored before. @throws ConcurrencyError otherwise */
  async #refuse({ write, end }: Place): Promise<AppendResult> {
    const { streamId, expected } = write;
    const refusal = new ConcurrencyError({ streamId, expected, actual: end.version });
    const versions: number[] = [];
    let position = "";
    for (const one of this.#append.writes) {
      const base = versionBefore(one.expected);
      if (base === undefined) throw refusal;
      const found = await this.#tools.streams.eventsBehind(one.streamId, base, one.events.length, this.#call);
      if (found.length !== one.events.length || found.some(({ id }, index) => id !== one.events[index]?.id)) {
        throw refusal;
      }
      versions.push(base + found.length);
      const last = found.at(-1)?.position ?? "";
      if (last > position) position = last;
    }
    return { position, versions, duplicate: true };
  }

  #assertTimeIsLeft(pauseMs: number): void {
    if (performance.now() + pauseMs < this.#call.deadline) return;
    const reason = this.#cause === undefined ? "other writers of the stream were always faster" : this.#cause.message;
    throw new StoreUnavailableError(`nothing was written in time: ${reason}; try again`, { cause: this.#cause });
  }
}

function isRefused({ write, end }: Place): boolean {
  return !meetsExpectedVersion(write.expected, end.version);
}

function unknownOutcome(error: unknown): UnknownOutcomeError {
  return new UnknownOutcomeError(
    `the server did not say in time whether the append was stored, and could not be asked (${messageOf(error)}); repeat the call with the same event ids`,
    { cause: error },
  );
}

function waitedInVain(): StoreUnavailableError {
  return new StoreUnavailableError(
    "earlier appends of this process to the same stream took too long, and this one was not begun; try again",
  );
}
