import type { EventStore, Page, ReadAllOptions, Registers } from "@es/core";

/** Every member of a store by itself, for those that are made with methods of a class. */
export function passOn<Tx>(store: EventStore<Tx>): EventStore<Tx> {
  return {
    capabilities: store.capabilities,
    registers: store.registers,
    append: (writes, options) => store.append(writes, options),
    readStream: (streamId, options) => store.readStream(streamId, options),
    readAll: (options) => store.readAll(options),
    head: (options) => store.head(options),
    identity: (options) => store.identity(options),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

/** A store that passes every call on, except for what `changes` does itself. */
export function changed<Tx>(store: EventStore<Tx>, changes: Partial<EventStore<Tx>>): EventStore<Tx> {
  return { ...passOn(store), ...changes };
}

/** A store whose registers pass every call on, except for what `changes` does itself. */
export function changedRegisters<Tx>(store: EventStore<Tx>, changes: Partial<Registers<Tx>>): EventStore<Tx> {
  const { registers } = store;
  return changed(store, {
    registers: {
      get: (key, options) => registers.get(key, options),
      set: (key, value, options) => registers.set(key, value, options),
      delete: (key, options) => registers.delete(key, options),
      keys: (prefix, options) => registers.keys(prefix, options),
      ...changes,
    },
  });
}

/** A store whose reads of the log pass through `change`. */
export function changedFeed<Tx>(
  store: EventStore<Tx>,
  change: (page: Page, options: ReadAllOptions) => Page | undefined,
): EventStore<Tx> {
  return changed(store, {
    async *readAll(options = {}) {
      for await (const page of store.readAll(options)) {
        const other = change(page, options);
        if (other !== undefined) yield other;
      }
    },
  });
}
