import type { EventStore, Registers } from "@es/core";

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
