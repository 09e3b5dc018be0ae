import { categoryOf, type EventStore, InvalidEventError, type JsonValue, type NewEvent } from "@es/core";
import type { BrokenStore } from "../broken-store.ts";
import { changeEvents, changeLogReads, changeNewEvents, changeWrites, delegate } from "../delegate.ts";

/** A store that confuses stream ids. */
function confusing(fault: string, rejectedBy: readonly string[], change: (streamId: string) => string): BrokenStore {
  return {
    fault,
    rejectedBy,
    breakStore: (store) =>
      delegate(
        changeWrites(store, (write) => ({ ...write, streamId: change(write.streamId) })),
        {
          readStream: (streamId, options) => store.readStream(change(streamId), options),
        },
      ),
  };
}

/** A store that changes data and metadata on their way in. */
function changing(fault: string, rejectedBy: readonly string[], change: (value: unknown) => unknown): BrokenStore {
  const changeEvent = (event: NewEvent): NewEvent => ({ ...event, data: change(event.data) });
  return { fault, rejectedBy, breakStore: (store) => changeNewEvents(store, changeEvent) };
}

/** A copy in which `change` has replaced the values that are neither list nor object. */
function deeply(value: unknown, change: (leaf: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((member) => deeply(member, change));
  if (typeof value !== "object" || value === null) return change(value);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, deeply(member, change)]));
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted()
      .map(([key, member]) => [key, sortKeys(member)]),
  );
}

function depthOf(value: unknown): number {
  let depth = 0;
  for (let level = [value]; level.length > 0 && depth < 2_000; depth += 1) {
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []));
  }
  return depth;
}

function isPlainJson(value: unknown): boolean {
  try {
    return JSON.stringify(value) === JSON.stringify(JSON.parse(JSON.stringify(value)));
  } catch {
    return false;
  }
}

/** A store that filters the log itself, with its own idea of what matches. */
function filtering(store: EventStore, categoryIn: (streamId: string) => string): EventStore {
  return changeLogReads(store, async function* (read, { filter, ...options }) {
    const categories = [filter ?? {}].flat().flatMap((query) => query.categories ?? []);
    for await (const page of read(options)) {
      const events = page.events.filter(({ streamId }) => categories.includes(categoryIn(streamId)));
      yield { ...page, events: categories.length === 0 ? page.events : events };
    }
  });
}

/** Stores that change names. */
export const brokenNames: readonly BrokenStore[] = [
  confusing("trims stream ids", ["names.white-space", "names.odd-streams"], (id) => id.trim() || id),
  confusing("ignores case in stream ids", ["names.case", "names.odd-streams"], (id) => id.toLowerCase()),
  confusing("normalises stream ids", ["names.normalisation", "names.odd-streams"], (id) => id.normalize("NFC")),
  confusing("takes wildcards for one another", ["names.odd-streams"], (id) => id.replaceAll(">", "*")),
  confusing("cuts off long stream ids", ["names.bad-streams"], (id) => (id?.length > 255 ? id.slice(0, 255) : id)),
  confusing("gives a name to a stream without one", ["names.bad-streams"], (id) => id || "unnamed"),
  {
    fault: "trims event types",
    rejectedBy: ["names.odd-types"],
    breakStore: (store) => changeEvents(store, (event) => ({ ...event, type: event.type.trim() })),
  },
  {
    fault: "gives a type to an event without one",
    rejectedBy: ["names.bad-types"],
    breakStore: (store) => changeNewEvents(store, (event) => ({ ...event, type: event.type || "Untyped" })),
  },
  {
    fault: "ends the category at the last dash",
    rejectedBy: ["names.odd-categories"],
    breakStore: (store) => filtering(store, (streamId) => streamId.slice(0, streamId.lastIndexOf("-"))),
  },
  {
    fault: "ignores case in categories",
    rejectedBy: ["names.odd-categories"],
    breakStore: (store) => filtering(store, (streamId) => categoryOf(streamId).toUpperCase()),
  },
  {
    fault: "sorts tags",
    rejectedBy: ["names.odd-tags"],
    breakStore: (store) => changeEvents(store, (event) => ({ ...event, tags: event.tags.toSorted() })),
  },
  {
    fault: "drops tags that it cannot keep",
    rejectedBy: ["names.bad-tags"],
    breakStore: (store) => changeNewEvents(store, ({ tags = [], ...event }) => ({ ...event, tags: tags.slice(0, 1) })),
  },
];

/** Stores that change what is in an event. */
export const brokenPayloads: readonly BrokenStore[] = [
  changing("sorts the keys of objects", ["payloads.round-trip", "properties.json"], (data) =>
    isPlainJson(data) ? sortKeys(data) : data,
  ),
  changing("loses members named __proto__", ["payloads.proto-key"], (data) => {
    if (typeof data !== "object" || data === null || !Object.hasOwn(data, "__proto__")) return data;
    return Object.assign({}, data);
  }),
  changing("strips U+0000 from text", ["payloads.nul", "payloads.round-trip", "properties.json"], (data) =>
    isPlainJson(data)
      ? deeply(data, (leaf) => (typeof leaf === "string" ? leaf.replaceAll("\u0000", "") : leaf))
      : data,
  ),
  changing("repairs half surrogate pairs", ["payloads.nul", "properties.json"], (data) =>
    isPlainJson(data) ? deeply(data, (leaf) => (typeof leaf === "string" ? leaf.toWellFormed() : leaf)) : data,
  ),
  changing("keeps numbers in four bytes", ["payloads.numbers", "payloads.round-trip"], (data) =>
    isPlainJson(data) ? deeply(data, (leaf) => (typeof leaf === "number" ? Math.fround(leaf) : leaf)) : data,
  ),
  {
    fault: "hands out -0",
    rejectedBy: ["payloads.numbers"],
    breakStore: (store) => {
      const negate = (leaf: unknown): JsonValue => JSON.parse(leaf === 0 ? "-0" : (JSON.stringify(leaf) ?? "null"));
      return changeEvents(store, (event) => {
        if (!Array.isArray(event.data)) return event;
        return { ...event, data: event.data.map((member) => (member === 0 ? negate(member) : member)) };
      });
    },
  },
  changing("turns undefined members into null", ["payloads.undefined-members"], (data) =>
    isPlainJson(data) ? deeply(data, (leaf) => leaf ?? null) : data,
  ),
  changing("cuts off long text", ["payloads.large"], (data) =>
    isPlainJson(data) ? deeply(data, (leaf) => (typeof leaf === "string" ? leaf.slice(0, 65_536) : leaf)) : data,
  ),
  {
    fault: "refuses nesting that it should take",
    rejectedBy: ["payloads.deep"],
    breakStore: (store) =>
      changeNewEvents(store, (event) => {
        if (depthOf(event.data) > 500) throw new InvalidEventError({ eventType: event.type }, "is too deep");
        return event;
      }),
  },
  changing("leaves out what is nested too deep", ["payloads.too-deep"], (data) => (depthOf(data) > 900 ? null : data)),
  changing("stores what JSON makes of a value", ["payloads.not-json", "append.batch-is-atomic"], (data) => {
    const text =
      data === undefined || typeof data === "bigint"
        ? undefined
        : JSON.stringify(data, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    return text === undefined ? data : JSON.parse(text);
  }),
  {
    fault: "takes metadata that is no object for none",
    rejectedBy: ["payloads.metadata-is-object"],
    breakStore: (store) =>
      changeNewEvents(store, ({ metadata, ...event }) =>
        typeof metadata === "object" && metadata !== null ? { ...event, metadata } : event,
      ),
  },
];
