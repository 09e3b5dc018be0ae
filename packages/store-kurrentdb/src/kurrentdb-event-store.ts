import { type AppendOptions, type AppendResult, type EventStore, UnsupportedError, type Write } from "@es/core";
import { StreamTurns } from "@es/core/adapter";
import { Appender, type StreamCheck } from "./append.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { encodeAppend } from "./encoded-append.ts";
import type { ExactWriter } from "./exact-writer.ts";
import { createKurrentDbRegisters, NO_TRANSACTIONS } from "./kurrentdb-registers.ts";
import { LiveWait } from "./live-wait.ts";
import { LogSource } from "./log-source.ts";
import type { StoreNames } from "./names.ts";
import type { ResolvedOptions } from "./options.ts";
import { LogReader } from "./read-all.ts";
import { StreamReader } from "./read-stream.ts";
import { everyEvent } from "./server-filter.ts";
import { RecordTime } from "./record-time.ts";
import type { ServerFeatures } from "./server-features.ts";
import type { ServerReader } from "./server-reader.ts";
import { toStoreError } from "./store-error.ts";
import { checkStreams, refuseTwins } from "./stream-checks.ts";

/** Options of {@link KurrentDbEventStore.append}. */
export interface KurrentDbAppendOptions extends AppendOptions {
  /**
   * Refuse the append with a `ConcurrencyError` unless these streams, which it does not write, are in these states.
   * Only where `capabilities.conditions` is `"stream"`: KurrentDB 26.1 and later.
   */
  readonly ifStreams?: readonly StreamCheck[];
}

/** An event store on a KurrentDB server or cluster, which any number of processes may share. */
export interface KurrentDbEventStore extends EventStore {
  /** As `append` of every store, and with checks of other streams. */
  append(writes: Write | readonly Write[], options?: KurrentDbAppendOptions): Promise<AppendResult>;
}

/** What an opened store is made of. */
export interface StoreParts {
  readonly reader: ServerReader;
  readonly writer: ExactWriter;
  readonly names: StoreNames;
  readonly features: ServerFeatures;
  readonly identity: string;
  readonly newest: bigint;
  /** Disposes of the client and what belongs to it. */
  dispose(): Promise<void>;
}

/** The store over a server that was asked what it is. */
export function kurrentDbEventStore(parts: StoreParts, options: ResolvedOptions): KurrentDbEventStore {
  const { reader, writer, names, features, identity, newest } = parts;
  const { holder } = reader;
  const capabilities = capabilitiesOf(features, options.maxAppendBytes);
  const source = new LogSource(reader, names);
  const wait = new LiveWait(holder, everyEvent(names), options.pollIntervalMs);
  const streams = new StreamReader(reader, names);
  const log = new LogReader(source, wait);
  const appender = new Appender({ names, reader, writer, turns: new StreamTurns(), newest });
  const time = new RecordTime();
  const running = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  /** Lets closing wait for what must be settled. */
  const track = async <Result>(work: Promise<Result>): Promise<Result> => {
    running.add(work);
    try {
      return await work;
    } finally {
      running.delete(work);
    }
  };

  const close = async (): Promise<void> => {
    holder.close();
    wait.close();
    await Promise.allSettled(running);
    await parts.dispose();
  };

  return {
    capabilities,

    registers: createKurrentDbRegisters({
      reader,
      writer,
      names,
      turns: new StreamTurns(),
      maxBytes: options.maxAppendBytes,
      track,
    }),

    async append(writes, call) {
      holder.assertUsable(call);
      if (call?.tx !== undefined) throw new UnsupportedError(NO_TRANSACTIONS);
      if (call?.if !== undefined) {
        throw new UnsupportedError(`this store takes no such conditions: ${capabilities.gaps.conditions ?? ""}`);
      }
      const encoded = encodeAppend(writes, capabilities, time.now());
      const checks = checkStreams(call?.ifStreams ?? [], encoded, capabilities);
      refuseTwins(encoded, checks);
      const work = appender.append(encoded, checks, call?.signal);
      running.add(work);
      try {
        const result = await work;
        wait.notify();
        return result;
      } finally {
        running.delete(work);
      }
    },

    readStream: (streamId, call) => streams.read(streamId, call),
    readAll: (call) => log.read(call),

    async head(call) {
      holder.assertUsable(call);
      try {
        return await source.head(reader.limit(call?.signal));
      } catch (error) {
        throw toStoreError(error, "asking for the newest event");
      }
    },

    async identity(call) {
      holder.assertUsable(call);
      return identity;
    },

    async [Symbol.asyncDispose]() {
      closing ??= close();
      await closing;
    },
  };
}
