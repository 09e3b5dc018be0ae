import type { EventStore } from "@es/core";

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
