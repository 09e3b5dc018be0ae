import { type EventStore, START, StoreClosedError, UnsupportedError } from "@es/core";
import { StreamTurns } from "@es/core/adapter";
import { Appender } from "./append.ts";
import { bytesIn, capabilitiesOf } from "./capabilities.ts";
import { lastPositionOf } from "./commit.ts";
import { encodeAppend } from "./encoded-append.ts";
import type { ServerFeatures } from "./features.ts";
import type { JetStreamApi } from "./jetstream-api.ts";
import { KnownStreams } from "./known-streams.ts";
import { LiveWait } from "./live-wait.ts";
import { LogSource } from "./log-source.ts";
import { MessageLookup } from "./message-lookup.ts";
import { createNatsRegisters, NO_TRANSACTIONS } from "./nats-registers.ts";
import type { OpenedStreams } from "./open-streams.ts";
import type { ResolvedOptions } from "./options.ts";
import { LogReader } from "./read-all.ts";
import { StreamReader } from "./read-stream.ts";
import { toStoreError } from "./store-error.ts";
import { registersPrefixOf } from "./stream-config.ts";

/** An event store on a NATS server or cluster, which any number of processes may share. */
export interface NatsEventStore extends EventStore {}

/** What an opened store is made of. */
export interface StoreParts {
  readonly api: JetStreamApi;
  readonly streams: OpenedStreams;
  readonly features: ServerFeatures;
  /** Whether the connection is the caller's, and stays open. */
  readonly isForeign: boolean;
}

/** The store over an open connection. */
export function natsEventStore(parts: StoreParts, options: ResolvedOptions): NatsEventStore {
  const { api, streams, features, isForeign } = parts;
  const { link } = api;
  const { name, timeoutMs, pollIntervalMs } = options;
  const source = new LogSource({
    api,
    prefix: name,
    stream: streams.events.name,
    features,
    identity: streams.identity,
    timeoutMs,
  });
  const capabilities = capabilitiesOf(features, streams.events, link.client.info?.max_payload ?? 0);
  const known = new KnownStreams();
  // A server that was restarted may have lost the newest commits, and others may stand in their places.
  link.onReconnect.add(() => known.clear());
  /** A server that was restarted, or another one of the cluster, may take less than the one at the beginning. */
  const maxBytes = (): number =>
    Math.min(capabilities.maxBytesPerAppend, bytesIn(link.client.info?.max_payload ?? Number.POSITIVE_INFINITY));
  const wait = new LiveWait(source, pollIntervalMs);
  const reader = new StreamReader(source, known);
  const log = new LogReader(source, wait);
  const appender = new Appender({ source, streams: reader, known, turns: new StreamTurns() });
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
    link.close();
    wait.close();
    await Promise.allSettled(running);
    link.end();
    if (!isForeign && !link.client.isClosed()) await closeConnection();
  };
  const closeConnection = async (): Promise<void> => {
    if (!link.isUp) {
      await link.client.close();
      return;
    }
    try {
      // Sends what only waits to be sent, such as the removal of consumers.
      await link.within(link.client.drain(), { deadline: performance.now() + timeoutMs }, () => new StoreClosedError());
    } catch {
      await link.client.close();
    }
  };

  return {
    capabilities,

    registers: createNatsRegisters({
      api,
      lookup: new MessageLookup(api, streams.registers.name),
      turns: new StreamTurns(),
      stream: streams.registers.name,
      prefix: registersPrefixOf(name),
      maxBytes,
      limit: (signal) => source.limit(signal),
      track,
    }),

    async append(writes, call) {
      link.assertUsable(call);
      if (call?.tx !== undefined) throw new UnsupportedError(NO_TRANSACTIONS);
      if (call?.if !== undefined) {
        throw new UnsupportedError(`this store takes no conditions: ${capabilities.gaps.conditions ?? ""}`);
      }
      const result = await track(appender.append(encodeAppend(writes, capabilities, maxBytes()), call?.signal));
      wait.notify();
      return result;
    },

    readStream: (streamId, call) => reader.read(streamId, call),
    readAll: (call) => log.read(call),

    async head(call) {
      link.assertUsable(call);
      try {
        const limit = source.limit(call?.signal);
        await source.check.assertSame(limit);
        const newest = await source.head(limit);
        return newest === undefined ? START : lastPositionOf(newest);
      } catch (error) {
        throw toStoreError(error, "asking for the newest event");
      }
    },

    async identity(call) {
      link.assertUsable(call);
      return streams.identity;
    },

    async [Symbol.asyncDispose]() {
      closing ??= close();
      await closing;
    },
  };
}
