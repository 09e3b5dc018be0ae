import { ConfigurationError } from "@es/core";
import type { ListeningClient, OwnPool } from "./postgres-driver.ts";

/** Settings that the store adds to those of the caller. */
export type DriverSettings = Readonly<Record<string, unknown>>;

/** The part of the module `pg` that the store uses. */
export interface PostgresDriver {
  readonly Pool: new (settings: DriverSettings) => OwnPool;
  readonly Client: new (settings: DriverSettings) => ListeningClient;
}

/**
 * Loads `pg` when it is first needed: an application that passes its own pool may have another copy of it.
 * @throws ConfigurationError when it is not installed
 */
export async function loadDriver(): Promise<PostgresDriver> {
  try {
    const { default: driver } = await import("pg");
    return driver;
  } catch (cause) {
    throw new ConfigurationError(
      "the PostgreSQL event store needs the package pg: npm install pg (or pass your own pool)",
      { cause },
    );
  }
}
