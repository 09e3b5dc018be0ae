import { ConfigurationError } from "@es/core";

/** Options of `openKurrentDbEventStore`. */
export interface KurrentDbEventStoreOptions {
  /**
   * Where the server or the cluster is: `kurrentdb://host:2113?tls=false`, `kurrentdb://a:2113,b:2113,c:2113` or
   * `kurrentdb+discover://cluster.example.com`, with the parameters of `@kurrent/kurrentdb-client`.
   */
  readonly connectionString: string;
  /** The certificates to trust: the text of a PEM file, or the path of one. @defaultValue those that the system trusts */
  readonly rootCertificates?: string;
  /** User, together with `password`. @defaultValue the one in the connection string */
  readonly user?: string;
  /** Password of `user`. */
  readonly password?: string;
  /**
   * What the store is called, where several share one server: its streams have the name and a dot in front. Letters, digits and
   * `_`, at most 64.
   * @defaultValue none: the store is all streams of the server, those of other clients included
   */
  readonly name?: string;
  /** How long a call may take, in milliseconds. @defaultValue 5_000 */
  readonly timeoutMs?: number;
  /** How often a waiting live read looks by itself, in milliseconds; the server tells of new events much earlier. @defaultValue 1_000 */
  readonly pollIntervalMs?: number;
  /** Most bytes in one append: the server's setting `MaxAppendSize`, which a client cannot ask for. @defaultValue 1_048_576 */
  readonly maxAppendBytes?: number;
}

/** Checked options with their defaults. */
export interface ResolvedOptions {
  readonly name: string | undefined;
  readonly timeoutMs: number;
  readonly pollIntervalMs: number;
  readonly maxAppendBytes: number;
}

const DEFAULTS = { timeoutMs: 5_000, pollIntervalMs: 1_000, maxAppendBytes: 1_048_576 } as const;

/** @throws ConfigurationError naming the wrong option */
export function resolveOptions(options: KurrentDbEventStoreOptions): ResolvedOptions {
  const { name, user, password, rootCertificates } = options;
  const { timeoutMs, pollIntervalMs, maxAppendBytes } = { ...DEFAULTS, ...options };
  if (name !== undefined && (typeof name !== "string" || !/^[A-Za-z0-9_]{1,64}$/.test(name))) {
    throw wrong("name", name, "1 to 64 letters, digits and _");
  }
  if ((user === undefined) !== (password === undefined)) {
    throw new ConfigurationError("the KurrentDB event store needs user and password together; give both or none");
  }
  for (const [option, value] of Object.entries({ user, rootCertificates })) {
    if (value !== undefined && (typeof value !== "string" || value === "")) throw wrong(option, value, "a text");
  }
  return {
    name,
    timeoutMs: wholeNumber("timeoutMs", timeoutMs),
    pollIntervalMs: wholeNumber("pollIntervalMs", pollIntervalMs),
    maxAppendBytes: wholeNumber("maxAppendBytes", maxAppendBytes),
  };
}

// More than a timer can count would make it fire at once.
function wholeNumber(name: string, value: unknown): number {
  const most = 2_147_483_647;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw wrong(name, value, `a whole number from 1 to ${most}`);
}

function wrong(name: string, value: unknown, right: string): ConfigurationError {
  const shown = typeof value === "function" ? "a function" : (JSON.stringify(value) ?? String(value));
  return new ConfigurationError(`option ${name} of the KurrentDB event store is ${shown}; it must be ${right}`);
}
