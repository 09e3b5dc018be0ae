import type { PostgresSinkClient } from "./postgres-sink-driver.ts";
import type { TransactionGuard } from "./transaction-guard.ts";

/** The client as a handler gets it: its SQL is looked at first, and it cannot be given back to the pool. */
export function guardedClient<Client extends PostgresSinkClient>(
  client: Client,
  guard: TransactionGuard,
): Pick<Client, "query"> {
  return new Proxy<Client>(client, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        if (key === "query") guard.check(textOf(args[0]));
        if (key === "release" || key === "end") guard.refuse(`${key}()`);
        // Methods must find the client's own fields.
        return Reflect.apply(value, target, args);
      };
    },
  });
}

/** The SQL of a query, which may be a text, an object with one, or a query of the caller's own making. */
function textOf(query: unknown): unknown {
  return typeof query === "object" && query !== null && "text" in query ? query.text : query;
}
