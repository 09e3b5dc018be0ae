import { ConfigurationError, type EventStore } from "@es/core";
import { parameterName } from "./connection-string.ts";
import { openKurrentDbEventStore } from "./open-kurrentdb-event-store.ts";
import type { KurrentDbEventStoreOptions } from "./options.ts";

/** The environment, as far as it configures the store. */
export interface KurrentDbEnvironment {
  readonly KURRENTDB_URI?: string | undefined;
  readonly KURRENTDB_ROOT_CERTIFICATES?: string | undefined;
}

/**
 * Opens the store at a connection string such as `kurrentdb://user:password@host:2113?tls=true`. The options `name`, `timeoutMs`,
 * `pollIntervalMs` and `maxAppendBytes` of the store may stand among its parameters. The environment variable
 * `KURRENTDB_ROOT_CERTIFICATES` may hold the certificates to trust, and `KURRENTDB_URI` the connection string when the address is
 * no more than `kurrentdb:`. What `openEventStore` of `@es/core` calls.
 *
 * @throws ConfigurationError naming what is wrong in the address
 */
export async function openFromUrl(url: string): Promise<EventStore> {
  const { env } = globalThis.process;
  const environment = {
    KURRENTDB_URI: env["KURRENTDB_URI"],
    KURRENTDB_ROOT_CERTIFICATES: env["KURRENTDB_ROOT_CERTIFICATES"],
  };
  return openKurrentDbEventStore(parseKurrentDbUrl(url, environment));
}

const NUMBERS: ReadonlyMap<string, "timeoutMs" | "pollIntervalMs" | "maxAppendBytes"> = new Map([
  ["timeoutms", "timeoutMs"],
  ["pollintervalms", "pollIntervalMs"],
  ["maxappendbytes", "maxAppendBytes"],
]);

/** The options that an address means; the parameters of the store are taken out of it. Errors do not repeat it. */
export function parseKurrentDbUrl(url: string, environment: KurrentDbEnvironment): KurrentDbEventStoreOptions {
  const { KURRENTDB_URI: uri = "", KURRENTDB_ROOT_CERTIFICATES: rootCertificates = "" } = environment;
  const address = /^(?:kurrentdb|kurrent|kdb|esdb):(?:\/\/)?$/i.test(url) ? uri : url;
  if (address === "") {
    throw new ConfigurationError(
      'the address of the KurrentDB event store names no server: write "kurrentdb://localhost:2113?tls=false", or set KURRENTDB_URI',
    );
  }
  const start = address.indexOf("?");
  const rest: string[] = [];
  let options: Omit<KurrentDbEventStoreOptions, "connectionString"> =
    rootCertificates === "" ? {} : { rootCertificates };
  for (const pair of start === -1 ? [] : address.slice(start + 1).split("&")) {
    const [key = "", value = ""] = pair.split("=");
    const name = parameterName(key);
    const number = NUMBERS.get(name);
    if (name === "name") options = { ...options, name: value };
    else if (number !== undefined) options = { ...options, [number]: wholeNumber(number, value) };
    else rest.push(pair);
  }
  const server = start === -1 ? address : address.slice(0, start);
  return { connectionString: rest.length === 0 ? server : `${server}?${rest.join("&")}`, ...options };
}

function wholeNumber(name: string, value: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw new ConfigurationError(
    `parameter ${name} in the address of the KurrentDB event store is ${JSON.stringify(value)}; it must be a whole number`,
  );
}
