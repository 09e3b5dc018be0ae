import { AppendTooLargeError, type Register, type Registers, StoreUnavailableError, UnsupportedError } from "@es/core";
import { assertRegisterKey, assertRegisterWrite, type StreamTurns } from "@es/core/adapter";
import type { CallLimit } from "./client-holder.ts";
import { versionOf } from "./event-mapping.ts";
import type { ExactWriter } from "./exact-writer.ts";
import type { IncomingEvent, OutgoingEvent } from "./kurrent-client.ts";
import { SERVER_DEADLINE_MS } from "./limits.ts";
import { SparseScanner } from "./sparse-scanner.ts";
import type { StoreNames } from "./names.ts";
import type { LogPosition } from "./positions.ts";
import { everyRegister } from "./server-filter.ts";
import { ServerFailure } from "./server-failure.ts";
import type { ServerReader } from "./server-reader.ts";
import { toStoreError } from "./store-error.ts";

const SET = "es.register.set";
const DELETED = "es.register.deleted";
/** How many keys are looked at, at once. */
const KEYS_AT_ONCE = 50;
const KEYS_PER_READ = 500;

/** Why there are no transactions. */
export const NO_TRANSACTIONS = "KurrentDB has no transactions that a caller could take part in";

/** What the registers need of their store. */
export interface RegisterParts {
  readonly reader: ServerReader;
  readonly writer: ExactWriter;
  readonly names: StoreNames;
  readonly turns: StreamTurns;
  readonly maxBytes: number;
  /** Lets closing the store wait for a write. */
  track<Result>(work: Promise<Result>): Promise<Result>;
}

interface RegisterCall {
  readonly expected?: number;
  readonly tx?: unknown;
  readonly signal?: AbortSignal;
}

interface Current {
  readonly revision: number;
  /** Absent when it was deleted. */
  readonly value: string | undefined;
}

/**
 * Registers, each the last event of a stream of its own, which keeps one event (`$maxCount` 1). A revision is the version of that
 * stream. Deleting leaves a marker, so a revision never returns.
 */
export function createKurrentDbRegisters(parts: RegisterParts): Registers {
  const { reader, writer, names, turns } = parts;
  const { holder } = reader;
  const streamFor = (key: string): string => names.registersPrefix + key;

  const current = async (stream: string, call: CallLimit): Promise<Current | undefined> => {
    const [last] = await reader.stream(stream, { from: "end", isBackward: true, count: 1 }, call);
    return last === undefined ? undefined : { revision: versionOf(last.revision), value: valueOf(last) };
  };

  /** Resolves to the new revision, or to `undefined` when `base` was not current. */
  const writeAt = async (
    stream: string,
    base: number,
    event: OutgoingEvent,
    call: CallLimit,
  ): Promise<number | undefined> => {
    if (base === 0) await limitToOne(reader, stream, call);
    const outcome = await writer.store({ writes: [{ stream, base, events: [event] }], checks: [] }, call);
    return outcome.outcome === "stored" ? outcome.versions[0] : undefined;
  };

  /** Compare-and-set of the newest event of a stream; without an expectation, until it succeeds. */
  const attempts = async (
    stream: string,
    event: OutgoingEvent,
    expected: number | undefined,
    call: CallLimit,
  ): Promise<number | undefined> => {
    const isDeletion = event.type === DELETED;
    for (;;) {
      let base = expected;
      // A key that was deleted has a marker, which the next value must be built on.
      if (base === undefined || base === 0 || isDeletion) {
        const found = await current(stream, call);
        const isThere = found?.value !== undefined;
        if (expected === 0 ? isThere : expected !== undefined && expected !== found?.revision) return undefined;
        if (isDeletion && !isThere) return undefined;
        base = found?.revision ?? 0;
      }
      const written = await writeAt(stream, base, event, call);
      if (written !== undefined || (expected ?? 0) !== 0) return written;
      holder.assertUsable(call);
      if (performance.now() >= call.deadline) throw new StoreUnavailableError(ALWAYS_SLOWER);
    }
  };

  const write = async (
    key: string,
    value: string | undefined,
    call: RegisterCall = {},
  ): Promise<number | undefined> => {
    assertRegisterWrite(key, value, call.expected);
    assertNoTransaction(call);
    const stream = streamFor(key);
    const event = toEvent(value);
    const size = Buffer.byteLength(JSON.stringify(event.data)) + 2 * event.type.length;
    if (size > parts.maxBytes) throw new AppendTooLargeError({ unit: "bytes", limit: parts.maxBytes, actual: size });
    const limit = reader.limit(call.signal);
    holder.assertUsable(limit);
    const { turn, leave } = turns.queue([stream]);
    try {
      if (turn !== undefined) await holder.within(turn, limit, () => new StoreUnavailableError(WAITED_IN_VAIN));
      return await attempts(stream, event, call.expected, limit);
    } catch (error) {
      throw toStoreError(error, `writing register ${JSON.stringify(key)}`);
    } finally {
      leave();
    }
  };

  return {
    async get(key, call): Promise<Register | undefined> {
      assertRegisterKey(key);
      assertNoTransaction(call);
      const limit = reader.limit(call?.signal);
      holder.assertUsable(limit);
      try {
        const found = await current(streamFor(key), limit);
        return found?.value === undefined ? undefined : { value: found.value, revision: found.revision };
      } catch (error) {
        throw toStoreError(error, `reading register ${JSON.stringify(key)}`);
      }
    },

    set: (key, value, call) => parts.track(write(key, value, call)),

    async delete(key, call) {
      return (await parts.track(write(key, undefined, call))) !== undefined;
    },

    async *keys(prefix, call) {
      holder.assertUsable(call);
      try {
        const keys = await createdKeys(parts, prefix, call?.signal);
        for (let index = 0; index < keys.length; index += KEYS_AT_ONCE) {
          const some = keys.slice(index, index + KEYS_AT_ONCE);
          const limit = reader.limit(call?.signal);
          const found = await Promise.all(some.map((key) => current(streamFor(key), limit)));
          for (const [place, key] of some.entries()) {
            holder.assertUsable(call);
            if (found[place]?.value !== undefined) yield key;
          }
        }
      } catch (error) {
        throw toStoreError(error, "listing registers");
      }
    },
  };
}

/** Every key that was ever set: the stream of each has one entry of metadata, which is written first. */
async function createdKeys(
  { reader, names }: RegisterParts,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const metastreams = `$$${names.registersPrefix}`;
  const scanner = new SparseScanner(reader, { filter: everyRegister(names, prefix), wide: undefined });
  const newest = (await reader.newest(undefined, reader.limit(signal))).position;
  const goal = async (): Promise<LogPosition | undefined> => newest;
  const wanted = { count: KEYS_PER_READ, most: KEYS_PER_READ };
  const keys = new Set<string>();
  let place: LogPosition | undefined;
  for (let isEnd = false; !isEnd; ) {
    const stretch = await scanner.next({ place, wanted, goal, limit: () => reader.limit(signal) });
    for (const { streamId } of stretch.events) {
      const key = streamId.slice(metastreams.length);
      if (streamId.startsWith(metastreams) && key.startsWith(prefix)) keys.add(key);
    }
    place = stretch.reached ?? stretch.events.at(-1)?.position ?? place;
    isEnd = stretch.isEnd;
  }
  return [...keys];
}

/** Before its first event, so that no stream is without the limit. */
async function limitToOne(reader: ServerReader, stream: string, call: CallLimit): Promise<void> {
  try {
    await reader.untilAnswered(call, (client) =>
      client.setStreamMetadata(
        stream,
        { maxCount: 1 },
        { expectedRevision: "no_stream", deadline: SERVER_DEADLINE_MS },
      ),
    );
  } catch (error) {
    // Another writer, or an attempt without an answer, was faster.
    if (!(error instanceof ServerFailure && error.kind === "conflict")) throw error;
  }
}

function toEvent(value: string | undefined): OutgoingEvent {
  const id = globalThis.crypto.randomUUID();
  const contentType = "application/json";
  return value === undefined
    ? { id, type: DELETED, contentType, data: {}, metadata: {} }
    : { id, type: SET, contentType, data: { value }, metadata: {} };
}

function valueOf({ type, data }: IncomingEvent): string | undefined {
  if (type !== SET || typeof data !== "object" || data === null || !("value" in data)) return undefined;
  return typeof data.value === "string" ? data.value : undefined;
}

function assertNoTransaction(call: RegisterCall | undefined): void {
  if (call?.tx !== undefined) throw new UnsupportedError(NO_TRANSACTIONS);
}

const WAITED_IN_VAIN =
  "earlier writes of this process to the same register took too long, and this one was not begun; try again";
const ALWAYS_SLOWER = "nothing was written in time: other writers of the register were always faster; try again";
