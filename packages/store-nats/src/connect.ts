import { ConfigurationError, type EventSourcingError, StoreUnavailableError } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { readFile } from "node:fs/promises";
import { connect, credsAuthenticator, type NodeConnectionOptions, nkeyAuthenticator } from "@nats-io/transport-node";
import type { NatsClient } from "./nats-connection.ts";
import type { NatsServersOptions, NatsTlsOptions } from "./options.ts";
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
  if (tls !== undefined) await assertReadable(tls);
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
      : { authenticator: credsAuthenticator(await readOrRefuse(credentialsFile, "the credentials file")) }),
    ...(tls === undefined ? {} : { tls: { ...tls } }),
  };
}

async function readOrRefuse(path: string, what: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new ConfigurationError(`${what} ${JSON.stringify(path)} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** The client would wait in vain for a connection. */
async function assertReadable(tls: NatsTlsOptions): Promise<void> {
  for (const option of ["caFile", "certFile", "keyFile"] as const) {
    const path = tls[option];
    if (path !== undefined) await readOrRefuse(path, `the file of option tls.${option}`);
  }
}

function connectError(error: unknown, { servers, tls }: NatsServersOptions): EventSourcingError {
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
  // Since TLS 1.3 the client is not told that its certificate is missing.
  const hint = tls === undefined || tls.certFile !== undefined ? "" : ", or set tls.certFile where it demands them";
  return new StoreUnavailableError(
    `no NATS server answers at ${place}: ${text}; start it, or check the address${hint}`,
    { cause: error },
  );
}
