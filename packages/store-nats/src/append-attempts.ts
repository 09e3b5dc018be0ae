import { type AppendResult, StoreUnavailableError, UnknownOutcomeError } from "@es/core";
import type { CallLimit } from "./call-limit.ts";
import { commitHeaders, lastPositionOf } from "./commit.ts";
import type { EncodedAppend } from "./encoded-append.ts";
import { firstResult } from "./first-result.ts";
import { attemptMs } from "./limits.ts";
import { currentPlaces, isRefused, knownPlaces, type Place, type PlaceTools } from "./places.ts";
import { expectLast, type Published, publishOnce } from "./publish.ts";
import type { StreamReader } from "./read-stream.ts";
import { messageOf } from "./store-error.ts";
import { subjectOf } from "./subjects.ts";

const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 100;

/** What the attempts of an append need. */
export interface AttemptTools extends PlaceTools {
  readonly streams: StreamReader;
}

/**
 * One append, until its outcome is known. Every attempt states the sequence of the commit that it builds on, and only one commit can
 * ever be stored on top of another; so an attempt without an answer is made again, and whether one of them was stored is seen from
 * what stands there.
 */
export class AppendAttempts {
  readonly #tools: AttemptTools;
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

  constructor(tools: AttemptTools, append: EncodedAppend, call: CallLimit) {
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
    let places = await this.#knownPlaces();
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      if (places.some(isRefused)) {
        places = await currentPlaces(this.#tools, this.#append.writes, this.#limit());
        const refused = places.find(isRefused);
        if (refused !== undefined) {
          return await firstResult(this.#tools.streams, this.#append.writes, refused, this.#call);
        }
      }
      await link.untilConnected(this.#limit());
      if (this.#doubtful === undefined && link.connections !== this.#connections) {
        places = await this.#knownPlaces();
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
          places = await currentPlaces(this.#tools, this.#append.writes, this.#limit());
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

  #knownPlaces(): Promise<readonly Place[]> {
    this.#connections = this.#tools.source.link.connections;
    return knownPlaces(this.#tools, this.#append.writes, this.#call);
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

  #assertTimeIsLeft(pauseMs: number): void {
    if (performance.now() + pauseMs < this.#call.deadline) return;
    const reason = this.#cause === undefined ? "other writers of the stream were always faster" : this.#cause.message;
    throw new StoreUnavailableError(`nothing was written in time: ${reason}; try again`, { cause: this.#cause });
  }
}

function unknownOutcome(error: unknown): UnknownOutcomeError {
  return new UnknownOutcomeError(
    `the server did not say in time whether the append was stored, and could not be asked (${messageOf(error)}); repeat the call with the same event ids`,
    { cause: error },
  );
}
