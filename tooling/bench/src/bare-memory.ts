import { evolveOrder, initialOrder, orderLineSchema, orderStateSchema, orderStream } from "./order.ts";
import type { BenchEvent, Subject } from "./subject.ts";

/**
 * What a program without the toolkit would do in memory: a Map of arrays and one global array, no checks but the version.
 * With `isCopying` it keeps and hands out copies, so that nobody can change history by accident.
 */
export function openBareMemory({ isCopying }: { readonly isCopying: boolean }): Subject {
  const own = (event: BenchEvent): BenchEvent => (isCopying ? structuredClone(event) : event);
  const all: BenchEvent[] = [];
  const streams = new Map<string, BenchEvent[]>();
  const registers = new Map<string, { value: string; revision: number }>();

  function fold(id: string, state = initialOrder()): number {
    let folded = state;
    for (const event of (streams.get(orderStream(id)) ?? []).slice(state.events)) {
      folded = evolveOrder(folded, orderLineSchema.parse(event.data));
    }
    return folded.events;
  }

  return {
    command(streamId, event) {
      this.append(streamId, streams.get(streamId)?.length ?? 0, [event]);
    },
    append(streamId, expected, events) {
      let stream = streams.get(streamId);
      if (stream === undefined) {
        stream = [];
        streams.set(streamId, stream);
      }
      if (expected !== "any" && expected !== stream.length) throw new Error(`${streamId} is not at ${expected}`);
      for (const event of events) {
        const kept = own(event);
        stream.push(kept);
        all.push(kept);
      }
    },
    readStream: (streamId) => (streams.get(streamId) ?? []).map(own).length,
    readAll(type) {
      const wanted: BenchEvent[] = [];
      for (const event of all) if (type === undefined || event.type === type) wanted.push(own(event));
      return wanted.length;
    },
    project() {
      return this.readAll();
    },
    loadOrder: (id) => fold(id),
    loadOrderFromSnapshot: (id) =>
      fold(id, orderStateSchema.parse(JSON.parse(registers.get(orderStream(id))?.value ?? "null"))),
    takeSnapshot(id) {
      let state = initialOrder();
      for (const event of streams.get(orderStream(id)) ?? []) {
        state = evolveOrder(state, orderLineSchema.parse(event.data));
      }
      registers.set(orderStream(id), { value: JSON.stringify(state), revision: 1 });
    },
    setRegister(key, value) {
      registers.set(key, { value, revision: (registers.get(key)?.revision ?? 0) + 1 });
    },
    async [Symbol.asyncDispose]() {
      streams.clear();
    },
  };
}
