import {
  type AppendResult,
  ConcurrencyError,
  type ExpectedVersion,
  StoreUnavailableError,
  UnknownOutcomeError,
} from "@es/core";
import { meetsExpectedVersion, versionBefore, type StreamTurns } from "@es/core/adapter";
import type { CallLimit } from "./client-holder.ts";
import type { EncodedWrite } from "./encoded-append.ts";
import { versionOf } from "./event-mapping.ts";
import { type ExactCheck, type ExactOutcome, type ExactWrite, type ExactWriter, stateOf } from "./exact-writer.ts";
import type { StreamState } from "./kurrent-client.ts";
import { FIRST_PAUSE_MS, LONGEST_PAUSE_MS } from "./limits.ts";
import type { StoreNames } from "./names.ts";
import { type LogPosition, toPosition } from "./positions.ts";
import { everyEvent } from "./server-filter.ts";
import type { ServerReader } from "./server-reader.ts";
import { messageOf, toStoreError } from "./store-error.ts";

const NOWHERE: LogPosition = { commit: 0n, prepare: 0n };

/** A stream that must be in a state for an append to happen. */
export interface StreamCheck {
  /** The stream, which the append does not write. */
  readonly streamId: string;
  /** The state that it must be in. */
  readonly expected: Exclude<ExpectedVersion, "any">;
}

/** What appending needs. */
export interface AppendTools {
  readonly names: StoreNames;
  readonly reader: ServerReader;
  readonly writer: ExactWriter;
  readonly turns: StreamTurns;
  /** How far the log reached when the store was opened. */
  readonly newest: bigint;
}

/**
 * Appends. Every expectation is turned into the exact version of the stream, "any" too: the server recognises events of an append
 * that names its place for as long as they are in its log, and of others for a while only.
 */
export class Appender {
  readonly #tools: AppendTools;
  /** The furthest place in the log that this store has heard of. */
  #newest: bigint;

  constructor(tools: AppendTools) {
    this.#tools = tools;
    this.#newest = tools.newest;
  }

  async append(
    writes: readonly EncodedWrite[],
    checked: readonly StreamCheck[],
    signal: AbortSignal | undefined,
  ): Promise<AppendResult> {
    const { reader, turns, names } = this.#tools;
    const call = reader.limit(signal);
    const { turn, leave } = turns.queue(writes.map(({ streamId }) => streamId));
    try {
      if (turn !== undefined) await reader.holder.within(turn, call, waitedInVain);
      const checks = checked.map(({ streamId, expected }) => ({
        stream: names.stream(streamId),
        state: toState(expected),
      }));
      return await this.#untilStored(writes, checked, checks, call);
    } catch (error) {
      throw toStoreError(error, `appending to ${writes.map(({ streamId }) => JSON.stringify(streamId)).join(", ")}`);
    } finally {
      leave();
    }
  }

  async #untilStored(
    writes: readonly EncodedWrite[],
    checked: readonly StreamCheck[],
    checks: readonly ExactCheck[],
    call: CallLimit,
  ): Promise<AppendResult> {
    const { names, writer, reader } = this.#tools;
    const newest = this.#newest;
    let versions = versionsBefore(writes) ?? (await Promise.all(writes.map((write) => this.#versionFor(write, call))));
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const refusal = refusalOf(writes, versions);
      if (refusal !== undefined) throw await this.#firstRefusal(writes, refusal, call);
      const exact = writes.map(({ streamId, events }, index): ExactWrite => {
        return { stream: names.stream(streamId), base: versions[index] ?? 0, events };
      });
      const outcome = await writer.store({ writes: exact, checks }, call);
      if (outcome.outcome === "stored") {
        const place = outcome.position ?? (await this.#placeOf(exact, outcome.versions));
        return this.#stored(place, outcome.versions, newest);
      }
      const moved = writes.find(({ streamId }) => names.stream(streamId) === outcome.stream) ?? onlyOne(writes, checks);
      if (moved === undefined) throw checkFailed(outcome, checked, names);
      if (versionBefore(moved.expected) !== undefined) return await this.#refuse(writes, moved, outcome.actual, call);
      versions = versions.map((version, index) => (writes[index] === moved ? outcome.actual : version));
      if (performance.now() + pauseMs >= call.deadline) throw alwaysSlower();
      await reader.holder.pause(pauseMs, call);
    }
  }

  /** The server names any stream that is not as expected; the store names the first one. */
  async #firstRefusal(
    writes: readonly EncodedWrite[],
    refusal: ConcurrencyError,
    call: CallLimit,
  ): Promise<ConcurrencyError> {
    for (const { streamId, expected } of writes) {
      if (streamId === refusal.streamId) break;
      const actual = await this.#versionOf(streamId, call);
      if (!meetsExpectedVersion(expected, actual)) return new ConcurrencyError({ streamId, expected, actual });
    }
    return refusal;
  }

  /** The version that the stream must have, which only the server knows when the writer names none. */
  async #versionFor({ streamId, expected }: EncodedWrite, call: CallLimit): Promise<number> {
    const version = versionBefore(expected);
    return version ?? (await this.#versionOf(streamId, call));
  }

  async #versionOf(streamId: string, call: CallLimit): Promise<number> {
    const { names, reader } = this.#tools;
    const [last] = await reader.stream(names.stream(streamId), { from: "end", isBackward: true, count: 1 }, call);
    return last === undefined ? 0 : versionOf(last.revision);
  }

  /** The server answers a repetition like the first time; that it was one shows in a place that was passed before this call. */
  #stored(place: LogPosition, versions: readonly number[], newest: bigint): AppendResult {
    if (place.commit > this.#newest) this.#newest = place.commit;
    return { position: toPosition(place), versions, duplicate: place.commit <= newest };
  }

  /** Where stored events are. Where they are hidden by now, it is where the next one is that is not: who is there has passed them. */
  async #placeOf(exact: readonly ExactWrite[], versions: readonly number[]): Promise<LogPosition> {
    const { reader, names } = this.#tools;
    // It is stored; what is asked for now must not look like a failure to append.
    const call: CallLimit = { ...reader.limit(undefined), mustSettle: true };
    try {
      let furthest: LogPosition | undefined;
      for (const [index, { stream }] of exact.entries()) {
        const from = BigInt((versions[index] ?? 1) - 1);
        const [last] = await reader.stream(stream, { from, isBackward: false, count: 1 }, call);
        const { position } = last ?? {};
        if (position !== undefined && (furthest === undefined || position.commit > furthest.commit))
          furthest = position;
      }
      if (furthest !== undefined) return furthest;
      return (await reader.newest(everyEvent(names), call)).position ?? NOWHERE;
    } catch (cause) {
      throw new UnknownOutcomeError(
        `the append was stored, but the server did not say where (${messageOf(cause)}); repeat the call with the same event ids to be told`,
        { cause },
      );
    }
  }

  /** The first result when this very append was stored before. @throws ConcurrencyError otherwise */
  async #refuse(
    writes: readonly EncodedWrite[],
    { streamId, expected }: EncodedWrite,
    actual: number,
    call: CallLimit,
  ): Promise<AppendResult> {
    const { names, writer } = this.#tools;
    const refusal = new ConcurrencyError({ streamId, expected, actual });
    const exact: ExactWrite[] = [];
    for (const write of writes) {
      const base = versionBefore(write.expected);
      if (base === undefined) throw await this.#firstRefusal(writes, refusal, call);
      exact.push({ stream: names.stream(write.streamId), base, events: write.events });
    }
    const versions: number[] = [];
    for (const write of exact) {
      const version = await writer.storedUpTo(write, call);
      if (typeof version !== "number") throw await this.#firstRefusal(writes, refusal, call);
      versions.push(version);
    }
    return { position: toPosition(await this.#placeOf(exact, versions)), versions, duplicate: true };
  }
}

/** The versions that the writes build on, where all of them name one. */
function versionsBefore(writes: readonly EncodedWrite[]): readonly number[] | undefined {
  const versions: number[] = [];
  for (const { expected } of writes) {
    const version = versionBefore(expected);
    if (version === undefined) return undefined;
    versions.push(version);
  }
  return versions;
}

function refusalOf(writes: readonly EncodedWrite[], versions: readonly number[]): ConcurrencyError | undefined {
  for (const [index, { streamId, expected }] of writes.entries()) {
    const actual = versions[index] ?? 0;
    if (!meetsExpectedVersion(expected, actual)) return new ConcurrencyError({ streamId, expected, actual });
  }
  return undefined;
}

function onlyOne(writes: readonly EncodedWrite[], checks: readonly ExactCheck[]): EncodedWrite | undefined {
  return writes.length === 1 && checks.length === 0 ? writes[0] : undefined;
}

function toState(expected: StreamCheck["expected"]): StreamState {
  if (expected === "no-stream") return "no_stream";
  return expected === "stream-exists" ? "stream_exists" : stateOf(expected);
}

function checkFailed(
  { stream, actual }: Extract<ExactOutcome, { outcome: "moved" }>,
  checked: readonly StreamCheck[],
  names: StoreNames,
): ConcurrencyError {
  const check = checked.find(({ streamId }) => names.stream(streamId) === stream);
  return new ConcurrencyError({ streamId: check?.streamId ?? stream, expected: check?.expected ?? "any", actual });
}

function waitedInVain(): StoreUnavailableError {
  return new StoreUnavailableError(
    "earlier appends of this process to the same stream took too long, and this one was not begun; try again",
  );
}

function alwaysSlower(): StoreUnavailableError {
  return new StoreUnavailableError(
    "nothing was written in time: other writers of the stream were always faster; try again",
  );
}
