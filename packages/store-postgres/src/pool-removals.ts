import type { PostgresPool } from "./postgres-driver.ts";

interface Watch {
  readonly listeners: Set<() => void>;
  readonly stop: () => void;
}

const watches = new WeakMap<PostgresPool, Watch>();

/**
 * Calls the listener whenever a connection has left a pool of the caller, which is all that can be known of one that was cut
 * while it was idle. Any number of stores put one listener on the pool, and the last one takes it away.
 *
 * A listener for the pool's "error" would keep the process alive in which the caller listens for none; that is not for a store to
 * decide.
 *
 * @returns ends the calls
 */
export function onRemoval(pool: PostgresPool, listener: () => void): () => void {
  const watch = watches.get(pool) ?? start(pool);
  watch.listeners.add(listener);
  return () => {
    watch.listeners.delete(listener);
    if (watch.listeners.size > 0) return;
    watch.stop();
    watches.delete(pool);
  };
}

function start(pool: PostgresPool): Watch {
  const listeners = new Set<() => void>();
  const onRemove = (): void => {
    for (const listener of listeners) listener();
  };
  pool.on?.("remove", onRemove);
  const watch: Watch = { listeners, stop: () => void pool.removeListener?.("remove", onRemove) };
  watches.set(pool, watch);
  return watch;
}
