import type { RecordedEvent } from "@es/core";
import type { BrokenStore } from "../broken-store.ts";
import { changeEvents, changeNewEvents, delegate, listOf, pause } from "../delegate.ts";

/** Stores that share objects with their callers. */
export const brokenCopies: readonly BrokenStore[] = [
  {
    fault: "writes the stream's name into the caller's events",
    rejectedBy: ["copies.input-not-changed"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const result = await store.append(writes, options);
          for (const { streamId, events } of listOf(writes)) {
            for (const event of events) Reflect.set(event, "streamId", streamId);
          }
          return result;
        },
      }),
  },
  {
    fault: "keeps the caller's data and hands it out",
    rejectedBy: ["copies.input-after-append", "copies.output"],
    breakStore: (store) => {
      const kept = new Map<string, unknown>();
      const keeping = changeNewEvents(store, (event) => {
        kept.set(event.id ?? "", event.data);
        return event;
      });
      return changeEvents(keeping, (event) => {
        const copy = { ...event };
        Reflect.set(copy, "data", kept.get(event.id));
        return copy;
      });
    },
  },
  {
    fault: "looks at the caller's objects only later",
    rejectedBy: ["copies.input-during-append"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          await pause();
          return store.append(writes, options);
        },
      }),
  },
  {
    fault: "hands out its own objects",
    rejectedBy: ["copies.output", "copies.tags"],
    breakStore: (store) => {
      const handedOut = new Map<string, RecordedEvent>();
      return changeEvents(store, (event) => {
        const known = handedOut.get(event.position) ?? event;
        handedOut.set(event.position, known);
        return known;
      });
    },
  },
];
