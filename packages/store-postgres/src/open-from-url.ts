import { ConfigurationError, type EventStore } from "@es/core";
import { openPostgresEventStore } from "./open-postgres-event-store.ts";
import type { PostgresCommonOptions, PostgresUrlOptions } from "./options.ts";
import type { PostgresClient } from "./postgres-driver.ts";

/**
 * Opens the store at an address such as `postgres://user@host:5432/database?schema=es&tags=true`. The options of the store may
 * stand among the parameters of the driver, such as `sslmode`. What `openEventStore` of `@es/core` calls.
 *
 * @throws ConfigurationError naming what is wrong in the address
 */
export async function openFromUrl(url: string): Promise<EventStore<PostgresClient>> {
  return openPostgresEventStore(parsePostgresUrl(url));
}

const TEXTS = ["schema", "prefix", "listenUrl"] as const;
const SWITCHES = ["tags", "migrate", "prepared", "listen"] as const;
const NUMBERS = [
  "timeoutMs",
  "pollIntervalMs",
  "maxPendingWrites",
  "writeConnections",
  "readConnections",
  "transactionConnections",
] as const;

/** The options that an address means; the parameters of the store are taken out of it. */
export function parsePostgresUrl(url: string): PostgresUrlOptions & PostgresCommonOptions {
  const start = url.indexOf("?");
  const parameters = new URLSearchParams(start === -1 ? "" : url.slice(start + 1));
  const take = (name: string): string | undefined => {
    const [value, ...others] = parameters.getAll(name);
    // The address may hold a password, so it is not repeated.
    if (others.length > 0)
      throw new ConfigurationError(`the address of the event store has the parameter ${name} twice`);
    parameters.delete(name);
    return value;
  };
  const wrong = (name: string, value: string, right: string): ConfigurationError =>
    new ConfigurationError(
      `parameter ${name} in the address of the event store is ${JSON.stringify(value)}; it must be ${right}`,
    );
  let options: PostgresCommonOptions = {};
  for (const name of TEXTS) {
    const value = take(name);
    if (value !== undefined) options = { ...options, [name]: value };
  }
  for (const name of SWITCHES) {
    const value = take(name);
    if (value === undefined) continue;
    if (value !== "true" && value !== "false") throw wrong(name, value, "true or false");
    options = { ...options, [name]: value === "true" };
  }
  for (const name of NUMBERS) {
    const value = take(name);
    if (value === undefined) continue;
    if (!/^\d{1,15}$/.test(value)) throw wrong(name, value, "a whole number");
    options = { ...options, [name]: Number(value) };
  }
  const rest = parameters.toString();
  const address = start === -1 ? url : url.slice(0, start);
  return { url: rest === "" ? address : `${address}?${rest}`, ...options };
}
