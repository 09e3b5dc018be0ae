import { ConfigurationError } from "@es/core";
import type { NatsClient } from "./nats-connection.ts";

/** Options of `openNatsEventStore`: servers or a connection, and the rest. */
export type NatsEventStoreOptions = (NatsServersOptions | NatsConnectionOptions) & NatsCommonOptions;

/** The store connects by itself, and closes the connection. */
export interface NatsServersOptions {
  /** `host:port`, or several of one cluster. */
  readonly servers: string | readonly string[];
  /** User, together with `password`. */
  readonly user?: string;
  /** Password of `user`. */
  readonly password?: string;
  /** Token, instead of a user. */
  readonly token?: string;
  /** Seed of an nkey (`SU...`), instead of a user. */
  readonly nkeySeed?: string;
  /** Path of a credentials file with a JWT and its seed, instead of a user. */
  readonly credentialsFile?: string;
  /** Encrypts the connection; `{}` with the certificates that the system trusts. @defaultValue what the server demands */
  readonly tls?: NatsTlsOptions;
  /** How the connection is called in the server's lists. @defaultValue `"@es/store-nats"` */
  readonly connectionName?: string;
}

/** Files for an encrypted connection. */
export interface NatsTlsOptions {
  /** Path of the certificates to trust. */
  readonly caFile?: string;
  /** Path of the client's own certificate. */
  readonly certFile?: string;
  /** Path of the key of that certificate. */
  readonly keyFile?: string;
}

/** The store works through the caller's connection. It never closes it. */
export interface NatsConnectionOptions {
  /** A connection of `@nats-io/transport-node`. Open it with `maxReconnectAttempts: -1`, or an outage of minutes closes it for good. */
  readonly connection: NatsClient;
}

/** Options that hold for both ways to open. */
export interface NatsCommonOptions {
  /**
   * What the store is called: its events are in the JetStream stream `<name>-events` with the subjects `<name>.*.*`, its
   * registers in the key-value bucket `<name>-registers`. Letters, digits, `_` and `-`, at most 64.
   * @defaultValue `"es"`
   */
  readonly name?: string;
  /** On how many servers of the cluster everything is kept: 1 to 5. @defaultValue what is there, and 1 for a new store */
  readonly replicas?: number;
  /** Where the server keeps everything. @defaultValue what is there, and `"file"` for a new store */
  readonly storage?: "file" | "memory";
  /** Whether the streams of a new store are created; if not, they must be there. @defaultValue `true` */
  readonly createStreams?: boolean;
  /** JetStream domain, for a leaf node. @defaultValue none */
  readonly domain?: string;
  /** How long a call may take, in milliseconds. @defaultValue 5_000 */
  readonly timeoutMs?: number;
  /** How often a waiting live read looks by itself, in milliseconds; the server tells of new events much earlier. @defaultValue 1_000 */
  readonly pollIntervalMs?: number;
}

/** Checked options with their defaults. */
export interface ResolvedOptions {
  readonly name: string;
  readonly replicas: number | undefined;
  readonly storage: "file" | "memory" | undefined;
  readonly createStreams: boolean;
  readonly domain: string | undefined;
  readonly timeoutMs: number;
  readonly pollIntervalMs: number;
}

const DEFAULTS = { name: "es", createStreams: true, timeoutMs: 5_000, pollIntervalMs: 1_000 } as const;

/** @throws ConfigurationError naming the wrong option */
export function resolveOptions(options: NatsCommonOptions): ResolvedOptions {
  const { replicas, storage, domain } = options;
  const { name, createStreams, timeoutMs, pollIntervalMs } = { ...DEFAULTS, ...options };
  if (typeof name !== "string" || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw wrong("name", name, "1 to 64 letters, digits, _ and -");
  }
  if (storage !== undefined && storage !== "file" && storage !== "memory") {
    throw wrong("storage", storage, `"file" or "memory"`);
  }
  if (typeof createStreams !== "boolean") throw wrong("createStreams", createStreams, "true or false");
  if (domain !== undefined && (typeof domain !== "string" || !/^[A-Za-z0-9_-]+$/.test(domain))) {
    throw wrong("domain", domain, "letters, digits, _ and -");
  }
  return {
    name,
    replicas: replicas === undefined ? undefined : wholeNumber("replicas", replicas, 1, 5),
    storage,
    createStreams,
    domain,
    timeoutMs: wholeNumber("timeoutMs", timeoutMs, 1),
    pollIntervalMs: wholeNumber("pollIntervalMs", pollIntervalMs, 1),
  };
}

// More than a timer can count would make it fire at once.
function wholeNumber(name: string, value: unknown, least: number, most = 2_147_483_647): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw wrong(name, value, `a whole number from ${least} to ${most}`);
}

function wrong(name: string, value: unknown, right: string): ConfigurationError {
  const shown = typeof value === "function" ? "a function" : (JSON.stringify(value) ?? String(value));
  return new ConfigurationError(`option ${name} of the NATS event store is ${shown}; it must be ${right}`);
}
