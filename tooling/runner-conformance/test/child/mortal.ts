/** What a store writes with. */
const WRITES: readonly PropertyKey[] = ["append", "set", "transaction"];

/** A store whose process is killed with SIGKILL behind the write with this number, when nobody knows yet that it was made. */
export function mortal<Store extends object>(store: Store, dieAt: number | undefined): Store {
  let writes = 0;
  const watch = <Watched extends object>(watched: Watched): Watched =>
    new Proxy(watched, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (key === "registers" && typeof value === "object" && value !== null) return watch(value);
        if (typeof value !== "function") return value;
        if (!WRITES.includes(key)) return value.bind(target);
        return async (...args: unknown[]): Promise<unknown> => {
          const result: unknown = await Reflect.apply(value, target, args);
          writes += 1;
          if (writes === dieAt) process.kill(process.pid, "SIGKILL");
          return result;
        };
      },
    });
  return watch(store);
}
