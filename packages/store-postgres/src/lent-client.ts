import type { PostgresClient } from "./postgres-driver.ts";

/**
 * The client as it is lent to one transaction: the same to its user, but an object of its own. A call that comes with it when the
 * transaction has ended can so be told from the calls of the next transaction on the same connection, which it would become part of.
 */
export function lendClient(client: PostgresClient): PostgresClient {
  return new Proxy(client, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      // Methods must find the client's own fields.
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
