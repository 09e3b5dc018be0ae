import { ConfigurationError, StoreUnavailableError } from "@es/core";
import { ClientHolder } from "./client-holder.ts";
import { type ConnectionString, formatConnectionString, parseConnectionString } from "./connection-string.ts";
import { ExactWriter } from "./exact-writer.ts";
import { SILENCE_SHARE } from "./limits.ts";
import type { KurrentClient } from "./kurrent-client.ts";
import { type KurrentDbEventStore, kurrentDbEventStore } from "./kurrentdb-event-store.ts";
import { type ClientFactory, loadClient } from "./load-client.ts";
import { StoreNames } from "./names.ts";
import { identify } from "./open-store.ts";
import { type KurrentDbEventStoreOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { certificateFile } from "./root-certificates.ts";
import { askFeatures } from "./server-features.ts";
import { ServerReader } from "./server-reader.ts";
import { messageOf, toStoreError } from "./store-error.ts";
import { whyUnreachable } from "./why-unreachable.ts";

/** Reading with a new client begins with a wait of this length, by default of half a second. */
const DISCOVERY_INTERVAL_MS = "10";
const KEEP_ALIVE = "keepalivetimeout";
const KEEP_ALIVE_VARIANTS = 1_000;

/**
 * Opens the event store on a KurrentDB server or cluster.
 *
 * @example
 * ```ts
 * import { openKurrentDbEventStore } from "@es/store-kurrentdb";
 *
 * await using store = await openKurrentDbEventStore({ connectionString: "kurrentdb://localhost:2113?tls=false" });
 * await store.append({
 *   streamId: "dog-42",
 *   expected: "no-stream",
 *   events: [{ type: "DogRegistered", data: { name: "Fido" } }],
 * });
 * ```
 *
 * @throws ConfigurationError when an option, the connection string, the credentials or the certificates are wrong, or the client is
 * not installed
 * @throws StoreFormatError when the store is of a newer version
 * @throws StoreUnavailableError when no server answers in time
 */
export async function openKurrentDbEventStore(options: KurrentDbEventStoreOptions): Promise<KurrentDbEventStore> {
  const resolved = resolveOptions(options);
  const connection = connectionOf(options);
  const createClient = await loadClient();
  const { rootCertificates } = options;
  const file = rootCertificates === undefined ? undefined : await certificateFile(rootCertificates);
  let holder: ClientHolder | undefined;
  const dispose = async (): Promise<void> => {
    await holder?.dispose();
    await file?.remove();
  };
  try {
    const create = clientMaker(createClient, file === undefined ? connection : withCertificates(connection, file.path));
    holder = new ClientHolder(create, resolved.timeoutMs * SILENCE_SHARE);
    return await openOn(new ServerReader(holder, resolved.timeoutMs), resolved, dispose);
  } catch (error) {
    await dispose();
    const failure = toStoreError(error, "opening the event store");
    throw failure instanceof StoreUnavailableError ? whyUnreachable(failure, connection) : failure;
  }
}

function withCertificates(connection: ConnectionString, path: string): ConnectionString {
  return { ...connection, parameters: new Map([...connection.parameters, ["tlscafile", path]]) };
}

async function openOn(
  reader: ServerReader,
  options: ResolvedOptions,
  dispose: () => Promise<void>,
): Promise<KurrentDbEventStore> {
  const names = new StoreNames(options.name);
  const writer = new ExactWriter(reader);
  const call = reader.limit(undefined);
  const features = await askFeatures(reader, call);
  const identity = await identify(reader, writer, names, call);
  const newest = (await reader.newest(undefined, call)).position?.commit ?? 0n;
  return kurrentDbEventStore({ reader, writer, names, features, identity, newest, dispose }, options);
}

function connectionOf({ connectionString, user, password }: KurrentDbEventStoreOptions): ConnectionString {
  const connection = parseConnectionString(connectionString);
  const parameters = new Map(connection.parameters);
  if (!parameters.has("discoveryinterval")) parameters.set("discoveryinterval", DISCOVERY_INTERVAL_MS);
  return { ...connection, parameters, ...(user === undefined ? {} : { user, password }) };
}

/**
 * Makes clients, the first one at once, since a wrong path of a certificate shows only then. Each has another time for keeping its
 * connection alive: two clients with the same settings would share one connection, and the new one would be as stuck as the old.
 */
function clientMaker(create: ClientFactory, connection: ConnectionString): () => KurrentClient {
  const keepAliveMs = Number(connection.parameters.get(KEEP_ALIVE) ?? "10000");
  let made = 0;
  const make = (): KurrentClient => {
    const parameters = new Map(connection.parameters);
    if (keepAliveMs >= 0) parameters.set(KEEP_ALIVE, String(keepAliveMs + (made % KEEP_ALIVE_VARIANTS)));
    made += 1;
    const connectionString = formatConnectionString({ ...connection, parameters });
    try {
      return create(connectionString);
    } catch (cause) {
      throw new ConfigurationError(
        `the KurrentDB client refuses the connection string: ${messageOf(cause)}; check the paths of certificates and keys in it`,
        { cause },
      );
    }
  };
  let first: KurrentClient | undefined = make();
  return () => {
    const client = first ?? make();
    first = undefined;
    return client;
  };
}
