import { StoreUnavailableError } from "@es/core";
import type { PostgresClient } from "./postgres-driver.ts";
import { queryOf } from "./statement.ts";

/** A connection leads to a standby, which may yet be promoted. */
export class StandbyError extends StoreUnavailableError {
  constructor() {
    super(
      "the server is a standby (pg_is_in_recovery), which neither takes appends nor knows who is appending; try again once it is promoted, or see to it that the address leads to the primary",
    );
  }
}

/**
 * Looks once at each connection whether it leads to a standby. A store is opened on a primary, but an address may lead elsewhere
 * later. What a standby shows lags behind, and the locks that keep readers from going ahead of slow writers do not exist there,
 * so that a reader would pass by events.
 */
export class PrimaryCheck {
  readonly #checked = new WeakSet<PostgresClient>();
  #standby: StandbyError | undefined;

  /** Present when the connection that was looked at last led to a standby; the reason when there is no time for another one. */
  get standby(): StandbyError | undefined {
    return this.#standby;
  }

  /** @throws StandbyError, or the driver's error */
  async check(client: PostgresClient): Promise<void> {
    // A primary becomes a standby only by a restart, which cuts its connections.
    if (this.#checked.has(client)) return;
    const { rows } = await client.query<[string]>(queryOf("SELECT pg_is_in_recovery()::text", [], false));
    this.#standby = rows[0]?.[0] === "true" ? new StandbyError() : undefined;
    if (this.#standby !== undefined) throw this.#standby;
    this.#checked.add(client);
  }
}
