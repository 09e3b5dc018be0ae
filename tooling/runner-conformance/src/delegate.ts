import type { EventStore, Page, ReadAllOptions, Register, Registers } from "@es/core";
import { delegate } from "test-helpers";

export { delegate, delegateRegisters } from "test-helpers";

/** Registers that see and overwrite their own writes only, whatever others wrote meanwhile. */
export function blindRegisters<Tx>(inner: Registers<Tx>): Registers<Tx> {
  const own = new Map<string, Register>();
  return {
    get: async (key, options) => own.get(key) ?? inner.get(key, options),
    set: async (key, value, { expected: _expected, ...options } = {}) => {
      const revision = await inner.set(key, value, options);
      if (revision !== undefined) own.set(key, { value, revision });
      return revision;
    },
    delete: (key, options) => inner.delete(key, options),
    keys: (prefix, options) => inner.keys(prefix, options),
  };
}

/** Reads of the log pass through `change`. */
export function changeFeed<Tx>(
  inner: EventStore<Tx>,
  change: (read: (options?: ReadAllOptions) => AsyncIterable<Page>, options: ReadAllOptions) => AsyncIterable<Page>,
): EventStore<Tx> {
  return delegate(inner, {
    readAll: (options = {}) => change((changed = options) => inner.readAll(changed), options),
  });
}
