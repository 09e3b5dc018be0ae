import { ConfigurationError, type EventStore } from "@es/core";
import { openNatsEventStore } from "./open-nats-event-store.ts";
import type { NatsCommonOptions, NatsServersOptions } from "./options.ts";

/**
 * Opens the store at `nats://user:password@host:4222/name`, or `tls://...` for an encrypted connection; several servers of one
 * cluster are separated by commas, and a token stands in place of user and password. Options follow as a query, such as
 * `?replicas=3&timeoutMs=10000&credentialsFile=/run/secrets/app.creds`. What `openEventStore` of `@es/core` calls.
 *
 * @throws ConfigurationError naming what is wrong in the address
 */
export async function openFromUrl(url: string): Promise<EventStore> {
  return openNatsEventStore(parseNatsUrl(url));
}

type UrlOptions = NatsServersOptions & NatsCommonOptions;

/** The options that an address means. Errors do not repeat it: it may hold a password. */
export function parseNatsUrl(url: string): UrlOptions {
  const match = /^(nats|tls):\/\/(?:([^@/?#]*)@)?([^@/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(url);
  const [, scheme = "", account, hosts = "", name = "", query = ""] = match ?? [];
  if (match === null || hosts === "" || hosts.split(",").includes("")) {
    throw new ConfigurationError(
      'this is not an address of the NATS store, such as "nats://localhost:4222" or "nats://user:password@a:4222,b:4222/shop"; write special characters of a password as %hh',
    );
  }
  return {
    servers: hosts.split(","),
    ...(account === undefined ? {} : accountOf(account)),
    ...(name === "" ? {} : { name: decode(name, "name") }),
    ...optionsOf(query, scheme.toLowerCase() === "tls"),
  };
}

function accountOf(account: string): Pick<NatsServersOptions, "user" | "password" | "token"> {
  const colon = account.indexOf(":");
  if (colon === -1) return { token: decode(account, "token") };
  return { user: decode(account.slice(0, colon), "user"), password: decode(account.slice(colon + 1), "password") };
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new ConfigurationError(
      `the ${what} in the address of the NATS store has a "%" that encodes nothing; write "%" as %25`,
      { cause },
    );
  }
}

const TLS_FILES: ReadonlySet<string> = new Set(["caFile", "certFile", "keyFile"]);

function optionsOf(query: string, isEncrypted: boolean): Partial<UrlOptions> {
  let options: Partial<UrlOptions> = {};
  const files: Record<string, string> = {};
  const seen = new Set<string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (seen.has(name)) throw new ConfigurationError(`the address of the NATS store has the parameter ${name} twice`);
    seen.add(name);
    if (TLS_FILES.has(name)) files[name] = value;
    else options = { ...options, ...optionOf(name, value) };
  }
  if (isEncrypted || Object.keys(files).length > 0) options = { ...options, tls: files };
  return options;
}

function optionOf(name: string, value: string): Partial<UrlOptions> {
  const wrong = (right: string): ConfigurationError =>
    new ConfigurationError(
      `parameter ${name} in the address of the NATS store is ${JSON.stringify(value)}; it must be ${right}`,
    );
  const wholeNumber = (): number => {
    if (!/^\d{1,15}$/.test(value)) throw wrong("a whole number");
    return Number(value);
  };
  switch (name) {
    case "credentialsFile":
      return { credentialsFile: value };
    case "nkeySeed":
      return { nkeySeed: value };
    case "connectionName":
      return { connectionName: value };
    case "replicas":
      return { replicas: wholeNumber() };
    case "storage":
      if (value !== "file" && value !== "memory") throw wrong("file or memory");
      return { storage: value };
    case "createStreams":
      if (value !== "true" && value !== "false") throw wrong("true or false");
      return { createStreams: value === "true" };
    case "domain":
      return { domain: value };
    case "timeoutMs":
      return { timeoutMs: wholeNumber() };
    case "pollIntervalMs":
      return { pollIntervalMs: wholeNumber() };
    default:
      throw new ConfigurationError(
        `the address of the NATS store has the unknown parameter ${JSON.stringify(name)}; known are caFile, certFile, connectionName, createStreams, credentialsFile, domain, keyFile, nkeySeed, pollIntervalMs, replicas, storage and timeoutMs`,
      );
  }
}
