import { ConfigurationError } from "@es/core";

/** A connection string in its parts. */
export interface ConnectionString {
  /** Whether the cluster is found through the name of the host. */
  readonly isDiscovering: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** `host` or `host:port`. */
  readonly hosts: readonly string[];
  /** The parameters by their names in lower case without `-` and `_`, which is how the client tells them apart. */
  readonly parameters: ReadonlyMap<string, string>;
}

const FORM = /^([a-z]+)(\+discover)?:\/\/(?:([^@/?#]*)@)?([^@/?#]*)\/*(?:\?([^#]*))?$/i;
const SCHEMES: ReadonlySet<string> = new Set(["kurrentdb", "kurrent", "kdb", "esdb"]);
const HOST = /^[A-Za-z0-9_.-]+(?::\d{1,5})?$/;

/** What the client takes, each with what its value must be. */
const CLIENT_PARAMETERS: ReadonlyMap<string, RegExp> = new Map([
  ["tls", /^(?:true|false)$/],
  ["tlsverifycert", /^(?:true|false)$/],
  ["tlscafile", /./],
  ["usercertfile", /./],
  ["userkeyfile", /./],
  ["connectionname", /./],
  ["defaultdeadline", /^\d{1,9}$/],
  ["keepaliveinterval", /^(?:-1|\d{1,9})$/],
  ["keepalivetimeout", /^(?:-1|\d{1,9})$/],
  ["nodepreference", /^leader$/i],
  ["maxdiscoverattempts", /^\d{1,9}$/],
  ["discoveryinterval", /^\d{1,9}$/],
  ["gossiptimeout", /^\d{1,9}$/],
]);

/** Options of the store, by the names that they would have as parameters. */
const STORE_OPTIONS: ReadonlyMap<string, string> = new Map([
  ["name", "name"],
  ["timeoutms", "timeoutMs"],
  ["pollintervalms", "pollIntervalMs"],
  ["maxappendbytes", "maxAppendBytes"],
]);

const WHY_NOT: ReadonlyMap<string, string> = new Map([
  [
    "nodepreference",
    "the store reads from the leader alone: another server may lag behind, and events would be missed",
  ],
  ["throwonappendfailure", "the store needs to be told of failures; leave it out"],
]);

/**
 * Reads a connection string. Errors do not repeat it: it may hold a password.
 * @throws ConfigurationError naming what is wrong in it
 */
export function parseConnectionString(text: string): ConnectionString {
  const [, scheme = "", discover, account, hostList = "", query = ""] =
    (typeof text === "string" ? FORM.exec(text.trim()) : null) ?? [];
  const hosts = hostList.split(",");
  if (!SCHEMES.has(scheme.toLowerCase()) || hosts.some((host) => !HOST.test(host))) {
    throw new ConfigurationError(
      'this is not a connection string of KurrentDB, such as "kurrentdb://user:password@localhost:2113?tls=true" or "kurrentdb+discover://cluster.example.com"; write special characters of a password as %hh, and a name in place of an IPv6 address',
    );
  }
  return {
    isDiscovering: discover !== undefined,
    ...accountOf(account),
    hosts,
    parameters: parametersOf(query),
  };
}

/** What the client is given: the store's own parameters are taken out before. @throws ConfigurationError for one it does not know */
export function formatConnectionString({ isDiscovering, user, password, hosts, parameters }: ConnectionString): string {
  const pairs = [...parameters].map(([name, value]) => {
    if (CLIENT_PARAMETERS.get(name)?.test(value) === true) return `${name}=${encodeURIComponent(value)}`;
    throw wrongParameter(name, value);
  });
  const account = user === undefined ? "" : `${encodeURIComponent(user)}:${encodeURIComponent(password ?? "")}@`;
  const query = pairs.length === 0 ? "" : `?${pairs.join("&")}`;
  return `kurrentdb${isDiscovering ? "+discover" : ""}://${account}${hosts.join(",")}${query}`;
}

/** The name under which a parameter is kept. */
export function parameterName(name: string): string {
  return name.trim().toLowerCase().replaceAll(/[-_]/g, "");
}

function accountOf(account: string | undefined): Pick<ConnectionString, "user" | "password"> {
  if (account === undefined) return { user: undefined, password: undefined };
  const colon = account.indexOf(":");
  if (colon < 1 || colon === account.length - 1) {
    throw new ConfigurationError(
      'the connection string of KurrentDB needs both user and password before the "@", such as "admin:changeit@host"',
    );
  }
  return { user: decode(account.slice(0, colon), "user"), password: decode(account.slice(colon + 1), "password") };
}

function parametersOf(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = parameterName(equals === -1 ? pair : pair.slice(0, equals));
    if (equals === -1 || equals === pair.length - 1) {
      throw new ConfigurationError(
        `parameter ${name} in the connection string of KurrentDB has no value; write ${name}=value`,
      );
    }
    if (parameters.has(name)) {
      throw new ConfigurationError(`the connection string of KurrentDB has the parameter ${name} twice`);
    }
    parameters.set(name, decode(pair.slice(equals + 1), `parameter ${name}`));
  }
  return parameters;
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new ConfigurationError(
      `the ${what} in the connection string of KurrentDB has a "%" that encodes nothing; write "%" as %25`,
      { cause },
    );
  }
}

function wrongParameter(name: string, value: string): ConfigurationError {
  const reason = WHY_NOT.get(name);
  if (reason !== undefined) {
    return new ConfigurationError(`parameter ${name} in the connection string of KurrentDB cannot be used: ${reason}`);
  }
  const option = STORE_OPTIONS.get(name);
  if (option !== undefined) {
    return new ConfigurationError(
      `${option} is an option of the KurrentDB event store; pass it beside connectionString, or open the store by address with openEventStore, which takes it from there`,
    );
  }
  return new ConfigurationError(
    CLIENT_PARAMETERS.has(name)
      ? `parameter ${name} in the connection string of KurrentDB is ${JSON.stringify(value)}; it must be ${name.startsWith("tls") ? "true or false" : "a whole number"}`
      : `the connection string of KurrentDB has the unknown parameter ${JSON.stringify(name)}; known are ${[...CLIENT_PARAMETERS.keys()].join(", ")}, and name, timeoutMs, pollIntervalMs and maxAppendBytes of the store`,
  );
}
