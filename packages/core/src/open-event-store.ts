import { ConfigurationError } from "./errors/configuration-error.ts";
import type { EventStore } from "./store/event-store.ts";

interface StorePackage {
  readonly name: string;
  readonly install: string;
}

const KURRENTDB: StorePackage = {
  name: "@es/store-kurrentdb",
  install: "@es/store-kurrentdb @kurrent/kurrentdb-client",
};

/** Scheme of the URL, the package that serves it, and what to install. */
const PACKAGES: ReadonlyMap<string, StorePackage> = new Map<string, StorePackage>([
  ["memory", { name: "@es/store-memory", install: "@es/store-memory" }],
  ["sqlite", { name: "@es/store-sqlite", install: "@es/store-sqlite better-sqlite3" }],
  ["postgres", { name: "@es/store-postgres", install: "@es/store-postgres pg" }],
  ["postgresql", { name: "@es/store-postgres", install: "@es/store-postgres pg" }],
  ["nats", { name: "@es/store-nats", install: "@es/store-nats @nats-io/transport-node" }],
  ["tls", { name: "@es/store-nats", install: "@es/store-nats @nats-io/transport-node" }],
  ...["kurrentdb", "kurrent", "kdb", "esdb"].flatMap((scheme): [string, StorePackage][] => [
    [scheme, KURRENTDB],
    [`${scheme}+discover`, KURRENTDB],
  ]),
]);

/** What errors list: each store once. */
const SCHEMES = "memory:, sqlite:, postgres:, nats:, kurrentdb:";

/** Options of {@link openEventStore}. */
export interface OpenEventStoreOptions {
  /**
   * The file or folder from which the store's package is looked up, as a `file:` URL or path, such as `import.meta.url`.
   * @defaultValue the working directory, then the program's main script, then this package
   */
  readonly from?: string | URL;
}

/**
 * Opens the store that the URL names, with the installed package for its scheme: `memory:`, `sqlite:`, `postgres:`, `nats:` or
 * `kurrentdb:`. The other packages need not be installed. Transactions need the package's own function, which knows their type.
 *
 * @param url - by default the environment variable `EVENT_STORE_URL`
 * @throws ConfigurationError for a missing or wrong URL, and naming what to install when the package is missing
 */
export async function openEventStore(
  url: string | undefined = globalThis.process?.env["EVENT_STORE_URL"],
  options: OpenEventStoreOptions = {},
): Promise<EventStore> {
  if (url === undefined || url === "") {
    throw new ConfigurationError(
      `no event store URL: pass one or set EVENT_STORE_URL, such as "sqlite:./events.db" (${SCHEMES})`,
    );
  }
  const scheme = url.slice(0, Math.max(url.indexOf(":"), 0)).toLowerCase();
  const found = PACKAGES.get(scheme);
  if (scheme === "") {
    throw new ConfigurationError(
      `the event store URL has no scheme, such as "sqlite:" before the path of a file; known are ${SCHEMES}`,
    );
  }
  if (found === undefined) {
    // The rest of the URL may hold a password.
    throw new ConfigurationError(
      `the event store URL has the unknown scheme ${JSON.stringify(scheme)}; known are ${SCHEMES}`,
    );
  }
  const module = await importStore(found, options.from);
  return await module.openFromUrl(url);
}

interface StoreModule {
  openFromUrl(url: string): Promise<EventStore>;
}

async function importStore({ name, install }: StorePackage, from: string | URL | undefined): Promise<StoreModule> {
  const { createRequire } = await import("node:module");
  const { join, resolve } = await import("node:path");
  const { fileURLToPath, pathToFileURL } = await import("node:url");
  const starts = from === undefined ? [".", globalThis.process?.argv[1] ?? ".", import.meta.url] : [from];
  let resolved: string | undefined;
  let cause: unknown;
  for (const start of starts) {
    const path = start instanceof URL || start.startsWith("file:") ? fileURLToPath(start) : resolve(start);
    try {
      // The name of a file that need not exist: the search begins in the folder `path`, and goes up when it is a file itself.
      resolved = createRequire(join(path, "package.json")).resolve(name);
      break;
    } catch (error) {
      cause ??= error;
    }
  }
  if (resolved === undefined) {
    throw new ConfigurationError(
      `this event store needs the package ${name}: npm install ${install}; where it is installed elsewhere, pass { from: import.meta.url }`,
      { cause },
    );
  }
  let module: unknown;
  try {
    module = await import(pathToFileURL(resolved).href);
  } catch (error) {
    throw new ConfigurationError(
      `the package ${name} is installed but cannot be loaded (${error instanceof Error ? error.message : String(error)}): npm install ${install}`,
      { cause: error },
    );
  }
  if (!isStoreModule(module)) {
    throw new ConfigurationError(
      `the package ${name} at ${resolved} does not export openFromUrl; install a version that fits @es/core`,
    );
  }
  return module;
}

function isStoreModule(module: unknown): module is StoreModule {
  return (
    typeof module === "object" && module !== null && "openFromUrl" in module && typeof module.openFromUrl === "function"
  );
}
