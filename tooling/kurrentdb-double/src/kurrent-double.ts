import { type Authorize, CERTIFICATES, type Permit, type TlsOptions } from "./access.ts";
import { openConnections } from "./connections.ts";
import type { Cluster, Node } from "./cluster.ts";
import { createEventLog, type EventLog, type LoggedEvent } from "./event-log.ts";
import { startGrpcServer } from "./grpc-server.ts";
import { openLogFile } from "./log-file.ts";
import { createFaults, type Fault, type Misbehaviour, type Operation } from "./misbehaviour.ts";
import type { Backend, Features } from "./perform.ts";
import type { SizeLimits } from "./size-limit.ts";

/** Which server is imitated: 26.1, the one after it, or one before appends to several streams. */
export type Personality = "current" | "26.2" | "24.10";

/** Options of a double. */
export interface KurrentDoubleOptions {
  /** @defaultValue "current" */
  readonly personality?: Personality;
  /** Whether clients must use TLS; the connection string then names {@link KurrentDouble.rootCertificateFile}. @defaultValue false */
  readonly tls?: boolean | TlsOptions;
  /** Who may call, by the header `authorization`. Needs `tls`. @defaultValue everybody */
  readonly authorize?: Authorize;
  /** What callers may do with which stream. @defaultValue everything */
  readonly permit?: Permit;
  /** What differs from the personality. */
  readonly features?: Partial<Features>;
  /** Stops the double. */
  readonly signal?: AbortSignal;
  /** The port on 127.0.0.1. @defaultValue any free one */
  readonly port?: number;
  /** Keeps the log in this file as well, and starts from what is in it. @defaultValue in memory only */
  readonly file?: string;
  /** Another double with which this one forms a cluster: they have the same log, and the other one leads until this one does. */
  readonly peer?: KurrentDouble;
  /** The server's clock, in milliseconds since 1970. @defaultValue Date.now */
  readonly now?: () => number;
}

/** A call that reached the double. */
export interface SeenCall {
  readonly method: string;
  readonly operation: Operation;
  readonly streams: readonly string[];
}

/** A server that behaves like KurrentDB on the wire, and badly on demand. It keeps its log in memory. */
export interface KurrentDouble {
  readonly connectionString: string;
  readonly port: number;
  /** The root certificate that signs for a double with `tls`. */
  readonly rootCertificateFile: string;
  /** Everything written so far, the server's own entries included. */
  readonly log: readonly LoggedEvent[];
  /** The calls of all clients so far, in order. */
  readonly calls: readonly SeenCall[];
  /** Entries at which reads of all events and subscriptions to them have looked so far, those included that a filter left out. */
  readonly looks: number;
  /** Subscriptions that are open; those to all events have no stream name. */
  readonly subscriptions: readonly { readonly streamName: string | undefined }[];
  /** Connections of clients that are open. A client object has two. */
  readonly connectionCount: number;
  /** Makes calls go wrong from now on. */
  misbehave(misbehaviour: Misbehaviour): Fault;
  /** Ends all misbehaviour, frozen connections and the limit of sizes included. Stalled calls stay so. */
  behave(): void;
  /** Breaks all connections. */
  dropConnections(): void;
  /** Half-open: connections stay, also new ones, and nothing passes until `behave`. */
  freezeConnections(): void;
  /** Refuses appends that are larger, until `behave`. */
  limitSizes(limits: SizeLimits): void;
  /** The server no longer recognizes by its memory what is appended again with "any"; the log is kept. */
  forgetEventIds(): void;
  /** Makes this one the leader of its cluster, and the one before a follower. */
  lead(): void;
  /** As a follower gets nothing more of what the leader writes, until it catches up. Only subscriptions show that. */
  fallBehind(): void;
  catchUp(): void;
  /** Leaves the cluster without a leader, until one leads. */
  resign(): void;
  /** Stops as a crash would. The log is kept for `restart`. */
  stop(): Promise<void>;
  /** Starts again on the same port with the same log, after a `stop` if it runs. Its memory of event ids is empty. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const PERSONALITIES: Readonly<Record<Personality, Features>> = {
  current: {
    serverVersion: "26.1.0",
    batchAppend: true,
    multiStreamAppend: true,
    appendRecords: true,
    progress: true,
    isAtLeast26_2: false,
  },
  "26.2": {
    serverVersion: "26.2.0",
    batchAppend: true,
    multiStreamAppend: true,
    appendRecords: true,
    progress: true,
    isAtLeast26_2: true,
  },
  "24.10": {
    serverVersion: "24.10.0",
    batchAppend: true,
    multiStreamAppend: false,
    appendRecords: false,
    progress: false,
    isAtLeast26_2: false,
  },
};

const logs = new WeakMap<KurrentDouble, EventLog>();
const clusters = new WeakMap<EventLog, Cluster>();

/** Starts a double on 127.0.0.1. */
export async function startKurrentDouble(options: KurrentDoubleOptions = {}): Promise<KurrentDouble> {
  const { personality = "current", now = Date.now, signal } = options;
  signal?.throwIfAborted();
  const log = logFor(options, now);
  const faults = createFaults();
  const calls: SeenCall[] = [];
  const subscriptions = new Set<{ readonly streamName: string | undefined }>();
  let sizeLimits: SizeLimits = {};
  let isRunning = true;
  let looks = 0;
  let lagsAt = Number.POSITIVE_INFINITY;
  const node: Node = { endpoint: () => ({ host: "127.0.0.1", port: connections.port }), isAlive: () => isRunning };
  const cluster = clusterOf(log);
  cluster.nodes.add(node);
  cluster.leader ??= node;
  const backend: Backend = {
    log,
    faults,
    now,
    permit: options.permit ?? (() => true),
    features: { ...PERSONALITIES[personality], ...options.features },
    cluster,
    node,
    received: () => Math.min(log.events.length, lagsAt),
    sizeLimits: () => sizeLimits,
    dropPeer: (peer) => connections.drop(peer),
    noteCall: (method, { operation, streams }) => void calls.push({ method, operation, streams }),
    noteLooks: (count) => void (looks += count),
    noteSubscription(streamName) {
      const subscription = { streamName };
      subscriptions.add(subscription);
      return () => void subscriptions.delete(subscription);
    },
  };
  const { tls = false, authorize } = options;
  if (authorize !== undefined && tls === false)
    throw new Error("the client sends credentials over TLS only: add `tls: true`");
  const server = await startGrpcServer(backend, { tls, ...(authorize !== undefined && { authorize }) });
  const connections = await openConnections(server.port, { port: options.port, isEncrypted: tls !== false });

  const security = tls !== false ? `tls=true&tlsCaFile=${encodeURIComponent(CERTIFICATES.root)}` : "tls=false";

  async function dispose(): Promise<void> {
    signal?.removeEventListener("abort", disposeOnAbort);
    cluster.nodes.delete(node);
    await connections.close();
    server.stop();
  }
  const disposeOnAbort = () => void dispose();
  signal?.addEventListener("abort", disposeOnAbort);

  const double: KurrentDouble = {
    // Without the interval each new client waits half a second before its first read.
    connectionString: `kurrentdb://127.0.0.1:${connections.port}?${security}&discoveryInterval=1`,
    port: connections.port,
    rootCertificateFile: CERTIFICATES.root,
    log: log.events,
    calls,
    get looks() {
      return looks;
    },
    get subscriptions() {
      return [...subscriptions];
    },
    get connectionCount() {
      return connections.count;
    },
    misbehave: (misbehaviour) => faults.add(misbehaviour),
    behave() {
      faults.clear();
      sizeLimits = {};
      connections.thaw();
    },
    dropConnections: () => connections.drop(),
    freezeConnections: () => connections.freeze(),
    limitSizes(limits) {
      sizeLimits = limits;
    },
    forgetEventIds: () => log.forgetIds(),
    lead() {
      cluster.leader = node;
    },
    fallBehind() {
      lagsAt = log.events.length;
    },
    catchUp() {
      lagsAt = Number.POSITIVE_INFINITY;
      log.announce();
    },
    resign() {
      if (cluster.leader === node) cluster.leader = undefined;
    },
    async stop() {
      isRunning = false;
      await connections.close();
    },
    async restart() {
      await connections.close();
      log.forgetIds();
      await connections.open();
      isRunning = true;
    },
    [Symbol.asyncDispose]: dispose,
  };
  logs.set(double, log);
  return double;
}

function clusterOf(log: EventLog): Cluster {
  const cluster = clusters.get(log) ?? { nodes: new Set(), leader: undefined };
  clusters.set(log, cluster);
  return cluster;
}

function logFor({ peer, file }: KurrentDoubleOptions, now: () => number): EventLog {
  if (peer === undefined) return createEventLog({ now, ...(file !== undefined && openLogFile(file)) });
  const log = logs.get(peer);
  if (log === undefined || file !== undefined)
    throw new Error("a peer must be a double of this process, and keeps the file");
  return log;
}
