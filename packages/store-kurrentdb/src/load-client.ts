import { ConfigurationError } from "@es/core";
import type { KurrentClient } from "./kurrent-client.ts";

/** Makes a client for a connection string. */
export type ClientFactory = (connectionString: string) => KurrentClient;

/**
 * Loads the client when a store is opened: it is an optional package, and fails to load on a platform for which its native part
 * was not installed.
 *
 * @throws ConfigurationError when it cannot be loaded
 */
export async function loadClient(): Promise<ClientFactory> {
  try {
    const { KurrentDBClient } = await import("@kurrent/kurrentdb-client");
    return (connectionString) => KurrentDBClient.connectionString(connectionString);
  } catch (cause) {
    throw new ConfigurationError(
      `the KurrentDB event store needs the package @kurrent/kurrentdb-client with its optional packages, which hold its native part: npm install @kurrent/kurrentdb-client (${cause instanceof Error ? cause.message : String(cause)})`,
      { cause },
    );
  }
}
