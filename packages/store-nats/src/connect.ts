import { ConfigurationError, type EventSourcingError, StoreUnavailableError } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { readFile } from "node:fs/promises";
import { connect, credsAuthenticator, type NodeConnectionOptions, nkeyAuthenticator } from "@nats-io/transport-node";
import type { NatsClient } from "./nats-connection.ts";
import type { NatsServersOptions } from "./options.ts";
import { messageOf, nameOf, toStoreError } from "./store-error.ts";

/** Servers notice within some seconds that a connection is dead, and so must the client. */
const PING_INTERVAL_MS = 5_000;
const MAX_PINGS_OUT = 2;
const RECONNECT_WAIT_MS = 250;

/**
 * Connects, for as long as the store is open: a lost connection is made again without end, and what waits for it has its own
 * limit.
 *
 * @throws ConfigurationError when the options or the credentials are wrong
 * @throws StoreUnavailableError when no server answers in time
 */
export async function connectTo(options: NatsServersOptions, timeoutMs: number): Promise<NatsClient> {
  const clientOptions = await clientOptionsOf(options, timeoutMs);
  throwIfAborted(undefined);
  try {
    return await connect(clientOptions);
  } catch (error) {
    throw connectError(error, options);
  }
}

async function clientOptionsOf(options: NatsServersOptions, timeoutMs: number): Promise<NodeConnectionOptions> {
  const { servers, user, password, token, nkeySeed, credentialsFile, tls, connectionName = "@es/store-nats" } = options;
  const list = typeof servers === "string" ? servers.split(",") : servers;
  if (!Array.isArray(list) || list.length === 0 || list.some((server) => typeof server !== "string" || server === "")) {
    throw new ConfigurationError('option servers of the NATS event store names no server; write "localhost:4222"');
  }
  const ways = [user, token, nkeySeed, credentialsFile].filter((way) => way !== undefined);
  if (ways.length > 1) {
    throw new ConfigurationError("pass only one of user, token, nkeySeed and credentialsFile to the NATS event store");
  }
  return {
    servers: [...list],
    name: connectionName,
    timeout: timeoutMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
    noAsyncTraces: true,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(nkeySeed === undefined ? {} : { authenticator: nkeyAuthenticator(new TextEncoder().encode(nkeySeed)) }),
    ...(credentialsFile === undefined
      ? {}
      : { authenticator: credsAuthenticator(await readCredentials(credentialsFile)) }),
    ...(tls === undefined ? {} : { tls: { ...tls } }),
  };
}

async function readCredentials(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new ConfigurationError(`the credentials file ${JSON.stringify(path)} cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function connectError(error: unknown, { servers }: NatsServersOptions): EventSourcingError {
  const place = typeof servers === "string" ? servers : servers.join(", ");
  if (nameOf(error) === "AuthorizationError" || nameOf(error) === "UserAuthenticationExpiredError") {
    return toStoreError(error, `connecting to ${place}`);
  }
  const text = messageOf(error);
  if (/tls|certificate|self.signed|ENOENT/i.test(text)) {
    return new ConfigurationError(
      `no encrypted connection to ${place}: ${text}; check option tls and what the server demands`,
      { cause: error },
    );
  }
  if (/nkey|seed|credentials|jwt|base32|invalid url|crc/i.test(text)) {
    return new ConfigurationError(`the connection to ${place} cannot be made: ${text}; check the options`, {
      cause: error,
    });
  }
  return new StoreUnavailableError(`no NATS server answers at ${place}: ${text}; start it, or check the address`, {
    cause: error,
  });
}
