import type { SqliteSinkDatabase } from "./sqlite-sink.ts";
import type { TransactionGuard } from "./transaction-guard.ts";

/** The database as a handler gets it: the same, but its SQL is looked at first. */
export function guardedDatabase<Database extends SqliteSinkDatabase>(
  database: Database,
  guard: TransactionGuard,
): Database {
  const guarded = new Map<PropertyKey, unknown>();
  return new Proxy(database, {
    get(target, key) {
      const known = guarded.get(key);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      const isSql = key === "prepare" || key === "exec";
      const method = (...args: unknown[]): unknown => {
        if (isSql) guard.check(args[0]);
        if (key === "close") guard.refuse("close()");
        // Methods must find the database's own fields.
        return Reflect.apply(value, target, args);
      };
      guarded.set(key, method);
      return method;
    },
  });
}
