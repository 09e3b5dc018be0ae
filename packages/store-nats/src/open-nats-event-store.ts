import { ConfigurationError } from "@es/core";
import { connectTo } from "./connect.ts";
import { featuresOf } from "./features.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import { Link } from "./link.ts";
import type { NatsClient } from "./nats-connection.ts";
import { type NatsEventStore, natsEventStore } from "./nats-event-store.ts";
import { type NatsEventStoreOptions, resolveOptions } from "./options.ts";
import { openStreams } from "./open-streams.ts";
import { toStoreError } from "./store-error.ts";

/**
 * Opens the event store on a NATS server with JetStream, creating its streams when they are missing.
 *
 * @example
 * ```ts
 * import { openNatsEventStore } from "@es/store-nats";
 *
 * await using store = await openNatsEventStore({ servers: "localhost:4222" });
 * await store.append({
 *   streamId: "user-42",
 *   expected: "no-stream",
 *   events: [{ type: "UserSignedUp", data: { name: "Ada" } }],
 * });
 * ```
 *
 * @throws ConfigurationError when an option is wrong, JetStream is off, rights are missing, or the streams' settings do not fit
 * @throws StoreFormatError when the streams are those of something else, or of a newer version
 * @throws StoreUnavailableError when no server answers in time
 */
export async function openNatsEventStore(options: NatsEventStoreOptions): Promise<NatsEventStore> {
  const resolved = resolveOptions(options);
  const isForeign = "connection" in options;
  const client = isForeign ? assertOpen(options.connection) : await connectTo(options, resolved.timeoutMs);
  let link: Link | undefined;
  try {
    const features = featuresOf(client.info?.version);
    if (client.info?.jetstream !== true && client.info?.cluster === undefined && resolved.domain === undefined) {
      throw new ConfigurationError(
        'JetStream is not enabled on this server; add "jetstream {}" to its configuration, or start it with -js',
      );
    }
    link = new Link(client);
    const api = new JetStreamApi(link, resolved.domain);
    const call = { deadline: performance.now() + resolved.timeoutMs };
    const streams = await openStreams(api, resolved, features, call);
    return natsEventStore({ api, streams, features, isForeign }, resolved);
  } catch (error) {
    link?.end();
    if (!isForeign) await client.close();
    throw toStoreError(error, "opening the event store");
  }
}

function assertOpen(connection: NatsClient): NatsClient {
  if (typeof connection?.subscribe !== "function") {
    throw new ConfigurationError(
      "option connection of the NATS event store is no NatsConnection; pass what connect() of @nats-io/transport-node resolves to",
    );
  }
  if (connection.isClosed() || connection.isDraining()) {
    throw new ConfigurationError("option connection of the NATS event store is closed; open it first");
  }
  return connection;
}
