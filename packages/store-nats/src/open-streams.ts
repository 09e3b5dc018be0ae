import { ConfigurationError, StoreFormatError } from "@es/core";
import type { CallLimit } from "./call-limit.ts";
import type { ServerFeatures } from "./features.ts";
import type { JetStreamApi } from "./jetstream-api.ts";
import type { ResolvedOptions } from "./options.ts";
import { JETSTREAM_CODES, JetStreamError } from "./request-failure.ts";
import {
  differencesOf,
  eventsConfig,
  FORMAT,
  readDescription,
  registersConfig,
  type StreamConfig,
} from "./stream-config.ts";

const CREATION_PAUSE_MS = 50;

/** The streams of a store, as they are. */
export interface OpenedStreams {
  readonly identity: string;
  readonly events: StreamConfig;
  readonly registers: StreamConfig;
}

interface InfoAnswer {
  readonly config: StreamConfig;
}

/**
 * Finds the store's streams, or creates them, and checks their settings. Many processes may do so at the same moment.
 *
 * @throws StoreFormatError when they are those of something else, or of a newer version of this package
 * @throws ConfigurationError when their settings would lose events, with a list of the differences
 */
export async function openStreams(
  api: JetStreamApi,
  options: ResolvedOptions,
  features: ServerFeatures,
  call: CallLimit,
): Promise<OpenedStreams> {
  const { name, replicas = 1, storage = "file" } = options;
  const opener = { api, options, call };
  assertSafe(replicas, features);
  const plan = { name, replicas, storage, features, identity: globalThis.crypto.randomUUID() };
  const events = await openStream(opener, eventsConfig(plan));
  assertSafe(events.config.num_replicas, features);
  const { identity } = events;
  // Registers of another identity belong to an earlier store of this name, whose events are gone.
  const like = { ...plan, identity, replicas: events.config.num_replicas, storage: events.config.storage };
  const registers = await openStream(opener, registersConfig(like));
  if (registers.identity !== identity) {
    throw new StoreFormatError(
      `the key-value bucket of ${name} belongs to another event store than its events; remove the JetStream stream ${registers.config.name}, or restore the events that it belongs to`,
    );
  }
  return { identity, events: events.config, registers: registers.config };
}

/** @throws ConfigurationError when replicas of this server may come to differ from each other */
function assertSafe(replicas: number, { hasSafeReplicas, version }: ServerFeatures): void {
  if (replicas === 1 || hasSafeReplicas) return;
  throw new ConfigurationError(
    `nats-server ${version} does not keep the replicas of a stream alike when a server is killed, which loses acknowledged events; upgrade the cluster to 2.10 or later, or use one replica`,
  );
}

interface Opener {
  readonly api: JetStreamApi;
  readonly options: ResolvedOptions;
  readonly call: CallLimit;
}

async function openStream(
  { api, options, call }: Opener,
  wanted: StreamConfig,
): Promise<{ readonly config: StreamConfig; readonly identity: string }> {
  const config = await findOrCreate(api, wanted, options.createStreams, call);
  const described = readDescription(config.description);
  if (described === undefined) {
    throw new StoreFormatError(
      `the JetStream stream ${wanted.name} is not one of this package (its description is ${JSON.stringify(config.description ?? "")}); choose another option name`,
    );
  }
  if (described.format !== FORMAT) {
    throw new StoreFormatError(
      `the JetStream stream ${wanted.name} has format ${described.format}, this package knows ${FORMAT}; install a newer version`,
    );
  }
  const differences = differencesOf(config, wanted, options);
  if (differences.length > 0) {
    throw new ConfigurationError(
      `the JetStream stream ${wanted.name} has settings that do not fit: ${differences.join("; ")}. Change them with "nats stream edit", or the options of the store`,
    );
  }
  return { config, identity: described.identity };
}

async function find(api: JetStreamApi, stream: string, call: CallLimit): Promise<StreamConfig | undefined> {
  try {
    return (await api.ask<InfoAnswer>(`STREAM.INFO.${stream}`, undefined, call)).config;
  } catch (error) {
    if (error instanceof JetStreamError && error.errorCode === JETSTREAM_CODES.streamNotFound) return undefined;
    throw error;
  }
}

async function findOrCreate(
  api: JetStreamApi,
  wanted: StreamConfig,
  isAllowed: boolean,
  call: CallLimit,
): Promise<StreamConfig> {
  for (;;) {
    const found = await find(api, wanted.name, call);
    if (found !== undefined) return found;
    if (!isAllowed) {
      throw new ConfigurationError(
        `there is no JetStream stream ${wanted.name}, and option createStreams is false; create it, or open the store once with createStreams`,
      );
    }
    try {
      return (await api.ask<InfoAnswer>(`STREAM.CREATE.${wanted.name}`, wanted, call)).config;
    } catch (error) {
      // Another process was faster, or an earlier attempt of this one that was not answered. In a cluster it may take a moment
      // until the stream is found.
      const isThere = error instanceof JetStreamError && error.errorCode === JETSTREAM_CODES.streamNameInUse;
      if (!isThere || performance.now() + CREATION_PAUSE_MS > call.deadline) throw error;
    }
    await api.link.pause(CREATION_PAUSE_MS, call);
  }
}
