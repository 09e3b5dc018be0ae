import type { EventStore, Page, ReadAllOptions, Register, Registers } from "@es/core";

/** A store that passes every call on, except for what `changes` does itself. */
export function delegate<Tx>(inner: EventStore<Tx>, changes: Partial<EventStore<Tx>>): EventStore<Tx> {
  return {
    capabilities: inner.capabilities,
    registers: inner.registers,
    append: (writes, options) => inner.append(writes, options),
    readStream: (streamId, options) => inner.readStream(streamId, options),
    readAll: (options) => inner.readAll(options),
    head: (options) => inner.head(options),
    identity: (options) => inner.identity(options),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    ...changes,
  };
}

/** As {@link delegate}, for the registers of a store. */
export function delegateRegisters<Tx>(inner: EventStore<Tx>, changes: Partial<Registers<Tx>>): EventStore<Tx> {
  const { registers } = inner;
  return delegate(inner, {
    registers: {
      get: (key, options) => registers.get(key, options),
      set: (key, value, options) => registers.set(key, value, options),
      delete: (key, options) => registers.delete(key, options),
      keys: (prefix, options) => registers.keys(prefix, options),
      ...changes,
    },
  });
}

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
