import type { PostgresClient } from "./postgres-driver.ts";

/** Lets the process end although the client's connection does not, because its network has gone silent. */
export function letGo(client: PostgresClient): void {
  if ("unref" in client && typeof client.unref === "function") client.unref();
}
