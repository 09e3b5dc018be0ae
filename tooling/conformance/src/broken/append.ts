import { type AppendResult, isEventSourcingError, type Write } from "@es/core";
import type { BrokenStore } from "../broken-store.ts";
import { changeEvents, changeNewEvents, delegate, idsIn, listOf, pause } from "../delegate.ts";

/** Stores the writes one after the other and answers as if it had been one append. */
async function oneByOne(
  writes: readonly Write[],
  append: (write: Write) => Promise<AppendResult>,
  between: () => Promise<void>,
): Promise<AppendResult> {
  const results: AppendResult[] = [];
  for (const write of writes) {
    results.push(await append(write));
    await between();
  }
  return {
    position: results.at(-1)?.position ?? "",
    versions: results.flatMap(({ versions }) => versions),
    duplicate: results.every(({ duplicate }) => duplicate),
  };
}

/** The write with one event at a time. */
function single({ streamId, expected, events }: Write): readonly Write[] {
  return events.map((event, index) => ({ streamId, expected: index === 0 ? expected : "any", events: [event] }));
}

/** Stores that store or answer something else than they were given. */
export const brokenAppends: readonly BrokenStore[] = [
  {
    fault: "counts versions from zero",
    rejectedBy: ["append.counts-versions-from-one"],
    breakStore: (store) => changeEvents(store, (event) => ({ ...event, version: event.version - 1 })),
  },
  {
    fault: "answers with the version of the first event of a batch",
    rejectedBy: ["append.counts-versions-from-one"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const { versions, ...rest } = await store.append(writes, options);
          const sizes = listOf(writes).map(({ events }) => events.length);
          return { ...rest, versions: versions.map((version, index) => version - (sizes[index] ?? 1) + 1) };
        },
      }),
  },
  {
    fault: "keeps the known members of metadata only",
    rejectedBy: ["append.keeps-every-member", "payloads.round-trip", "payloads.numbers"],
    breakStore: (store) =>
      changeNewEvents(store, ({ metadata, ...event }) =>
        metadata?.correlationId === undefined
          ? event
          : { ...event, metadata: { correlationId: metadata.correlationId } },
      ),
  },
  {
    fault: "gives the log without the time that the stream has",
    rejectedBy: ["append.keeps-every-member", "read-all.order"],
    breakStore: (store) =>
      delegate(store, {
        async *readAll(options) {
          for await (const page of store.readAll(options)) {
            yield { ...page, events: page.events.map((event) => ({ ...event, recordedAt: 0 })) };
          }
        },
      }),
  },
  {
    fault: "gives one id to all events that come without",
    rejectedBy: ["append.gives-ids"],
    breakStore: (store) =>
      changeNewEvents(store, (event) => ({ id: "7c9e6679-7425-40de-944b-e07fc1f90ae7", ...event })),
  },
  {
    fault: "answers with the position before its events",
    rejectedBy: ["append.positions-rise", "read-all.position-is-text", "properties.model", "properties.differential"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const position = await store.head();
          return { ...(await store.append(writes, options)), position };
        },
      }),
  },
  {
    fault: "has positions that do not sort as text",
    rejectedBy: ["append.positions-rise"],
    breakStore: (store) => changeEvents(store, (event) => ({ ...event, position: String(Number(event.position)) })),
  },
  {
    fault: "accepts an append without events",
    rejectedBy: ["append.refuses-nothing-to-store"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const filled = listOf(writes).filter(({ events }) => events.length > 0);
          if (filled.length === 0) return { position: await store.head(), versions: [], duplicate: false };
          return store.append(filled, options);
        },
      }),
  },
  {
    fault: "stores an event twice when an append holds it twice",
    rejectedBy: ["append.refuses-id-twice", "multi-stream.refuses-id-twice"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const seen = new Set<string | undefined>();
          const fresh = listOf(writes).map((write) => ({
            ...write,
            events: write.events.map(({ id, ...event }) => {
              const isRepeated = seen.has(id);
              seen.add(id);
              return id === undefined || isRepeated ? event : { ...event, id };
            }),
          }));
          return store.append(fresh, options);
        },
      }),
  },
  {
    fault: "replaces ids that are not UUIDs",
    rejectedBy: ["append.refuses-id-of-another-form"],
    breakStore: (store) =>
      changeNewEvents(store, ({ id, ...event }) =>
        id !== undefined && /^[0-9a-f-]{36}$/.test(id) ? { ...event, id } : event,
      ),
  },
  {
    fault: "stores a batch event by event",
    rejectedBy: ["append.batch-is-atomic"],
    breakStore: (store) =>
      delegate(store, {
        append: (writes, options) =>
          oneByOne(
            listOf(writes).flatMap(single),
            (write) => store.append(write, options),
            async () => undefined,
          ),
      }),
  },
  {
    fault: "lets other appends between the events of a batch",
    rejectedBy: ["append.batch-stays-together", "concurrency.race-any"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const { versions, ...result } = await oneByOne(
            listOf(writes).flatMap(single),
            (write) => store.append(write, options),
            pause,
          );
          return { ...result, versions: versions.slice(-1) };
        },
      }),
  },
  {
    fault: "does not keep to its own limit of events",
    rejectedBy: ["append.refuses-too-many-events"],
    breakStore: (store) => delegate(store, { capabilities: { ...store.capabilities, maxEventsPerAppend: 10 } }),
  },
  {
    fault: "refuses an append of exactly as many events as it takes",
    rejectedBy: ["append.refuses-too-many-events"],
    base: "limited",
    breakStore: (store) => delegate(store, { capabilities: { ...store.capabilities, maxEventsPerAppend: 26 } }),
  },
  {
    fault: "does not keep to its own limit of bytes",
    rejectedBy: ["append.refuses-too-many-bytes"],
    breakStore: (store) => delegate(store, { capabilities: { ...store.capabilities, maxBytesPerAppend: 10_000 } }),
  },
  {
    fault: "records a refused append as an event of its own",
    rejectedBy: ["append.refused-leaves-no-trace", "conditions.refusal-stores-nothing", "multi-stream.all-or-nothing"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          try {
            return await store.append(writes, options);
          } catch (error) {
            await store.append({ streamId: "refused", expected: "any", events: [{ type: "Refused", data: {} }] });
            throw error;
          }
        },
      }),
  },
  {
    fault: "stores the streams of an append one after the other",
    rejectedBy: [
      "multi-stream.all-or-nothing",
      "multi-stream.invalid-stores-nothing",
      "multi-stream.refuses-stream-twice",
      "multi-stream.refuses-id-twice",
      "multi-stream.one-winner",
      "retry.multi-stream-partial",
    ],
    breakStore: (store) =>
      delegate(store, {
        append: (writes, options) =>
          oneByOne(
            listOf(writes),
            (write) => store.append(write, options),
            async () => undefined,
          ),
      }),
  },
  {
    fault: "shows the first stream of an append before the others",
    rejectedBy: ["multi-stream.never-half-visible"],
    breakStore: (store) =>
      delegate(store, {
        append: (writes, options) => oneByOne(listOf(writes), (write) => store.append(write, options), pause),
      }),
  },
  {
    fault: "stores the streams of an append in the reverse order",
    rejectedBy: ["multi-stream.stores-all"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const { versions, ...rest } = await store.append(listOf(writes).toReversed(), options);
          return { ...rest, versions: versions.toReversed() };
        },
      }),
  },
  {
    fault: "stores ten streams of an append and forgets the others",
    rejectedBy: ["multi-stream.takes-many"],
    breakStore: (store) =>
      delegate(store, { append: async (writes, options) => store.append(listOf(writes).slice(0, 10), options) }),
  },
  {
    fault: "throws an error of its own on a conflict",
    rejectedBy: ["concurrency.losers-retry", "expected-version.zero-on-existing"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          try {
            return await store.append(writes, options);
          } catch (error) {
            throw isEventSourcingError(error, "ES_CONCURRENCY") ? new Error("UNIQUE constraint failed") : error;
          }
        },
      }),
  },
  {
    fault: "acknowledges events that it drops because their ids are known",
    rejectedBy: ["retry.any-is-new"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const [first] = listOf(writes);
          const known = first === undefined ? [] : await idsIn(store, first.streamId);
          if (first?.expected === "any" && first.events.some(({ id }) => known.includes(id ?? ""))) {
            return { position: await store.head(), versions: [known.length], duplicate: false };
          }
          return store.append(writes, options);
        },
      }),
  },
];
