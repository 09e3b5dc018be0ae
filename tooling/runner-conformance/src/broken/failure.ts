import { type RecordedEvent, StoreUnavailableError } from "@es/core";
import type { BrokenRunners } from "../broken-runner.ts";
import { changeFeed, delegate, delegateRegisters } from "../delegate.ts";
import { overProjection, overStore } from "../own-runners.ts";
import { changeCalls, overOptions } from "../wrap-runner.ts";

/** What can go wrong when something fails. */
export const brokenFailures: readonly BrokenRunners[] = [
  {
    fault: "numbers the events of each stream itself, whatever came",
    rejectedBy: ["integrity.hole", "integrity.double", "integrity.order", "integrity.beginning"],
    breakRunners: overStore((store) =>
      changeFeed(store, async function* (read) {
        const counts = new Map<string, number>();
        const numbered = (event: RecordedEvent): RecordedEvent => {
          const version = (counts.get(event.streamId) ?? 0) + 1;
          counts.set(event.streamId, version);
          return { ...event, version };
        };
        for await (const page of read()) yield { ...page, events: page.events.map(numbered) };
      }),
    ),
  },
  {
    fault: "passes over an event that it had already",
    rejectedBy: ["integrity.double"],
    breakRunners: overStore((store) =>
      changeFeed(store, async function* (read) {
        const known = new Set<string>();
        for await (const page of read()) {
          const events = page.events.filter(({ id }) => !known.has(id) && known.add(id));
          yield { ...page, events };
        }
      }),
    ),
  },
  {
    fault: "gives up at the first failure of a handler",
    rejectedBy: ["failure.retry", "control.context", "outbox.retry"],
    breakRunners: overOptions(() => ({ retry: { maxAttempts: 1 } })),
  },
  {
    fault: "repeats the page from its beginning when a handler fails",
    rejectedBy: ["failure.retry"],
    breakRunners: overProjection((projection) => ({
      ...projection,
      isSingle: false,
      apply: (events, context) => projection.apply(events, context, { handled: 0 }),
    })),
  },
  {
    fault: "says that it is healthy whatever happens",
    rejectedBy: [
      "failure.retry",
      "failure.stop",
      "failure.outage",
      "parking.park",
      "parking.full",
      "control.stop-drains",
    ],
    breakRunners: changeCalls((inner) => ({ status: () => ({ ...inner.status(), isHealthy: true }) })),
  },
  {
    fault: "passes over an event that fails too often",
    rejectedBy: ["failure.stop", "parking.park", "outbox.dead-letters"],
    breakRunners: overOptions(() => ({ onFailure: "skip" })),
  },
  {
    fault: "lets a caller wait who waits for a runner that failed",
    rejectedBy: ["failure.stop", "integrity.hole"],
    breakRunners: changeCalls((inner) => ({
      waitFor: async (position, options) => {
        try {
          await inner.waitFor(position, options);
        } catch {
          await new Promise<never>(() => undefined);
        }
      },
    })),
  },
  {
    fault: "stops at an event that it is told to pass over",
    rejectedBy: ["failure.skip"],
    breakRunners: overOptions(() => ({ onFailure: "stop" })),
  },
  {
    fault: "passes over an event without a word",
    rejectedBy: ["failure.skip"],
    breakRunners: overOptions(({ onReport }) => ({
      onReport: (report) => {
        if (report.kind !== "skipped") onReport?.(report);
      },
    })),
  },
  {
    fault: "passes over the whole page when it fails",
    rejectedBy: ["failure.batch"],
    breakRunners: overProjection((projection) => ({
      ...projection,
      apply: async (events, context, progress) => {
        await projection.apply(events, context, progress).catch(() => undefined);
        progress.handled = events.length;
      },
    })),
  },
  {
    fault: "gives up when the store is away",
    rejectedBy: ["failure.outage", "failure.lost-answer", "failure.read-ends", "parking.outage"],
    breakRunners: overOptions(() => ({ storeRetry: { maxAttempts: 1 } })),
  },
  {
    fault: "takes the end of a live read for the end of the log",
    rejectedBy: ["failure.read-ends"],
    breakRunners: overStore((store) =>
      changeFeed(store, async function* (read) {
        yield* read();
        await new Promise<never>(() => undefined);
      }),
    ),
  },
  {
    fault: "asks a broken store again and again",
    rejectedBy: ["failure.broken-store"],
    breakRunners: overStore((store) =>
      changeFeed(store, async function* (read) {
        try {
          yield* read();
        } catch (cause) {
          throw new StoreUnavailableError("try again", { cause });
        }
      }),
    ),
  },
  {
    fault: "holds events back for an outage",
    rejectedBy: ["parking.outage"],
    breakRunners: overProjection((projection) => ({
      ...projection,
      apply: async (events, context, progress) => {
        try {
          await projection.apply(events, context, progress);
        } catch (cause) {
          throw new Error("it failed", { cause });
        }
      },
    })),
  },
  {
    fault: "reads on at the head after an outage",
    rejectedBy: ["failure.outage"],
    breakRunners: overStore((store) => {
      let hasFailed = false;
      return changeFeed(store, async function* (read, options) {
        try {
          yield* read(hasFailed ? { ...options, after: await store.head() } : options);
        } catch (error) {
          hasFailed = true;
          throw error;
        }
      });
    }),
  },
  {
    fault: "takes its own checkpoint for that of another runner when the answer was lost",
    rejectedBy: ["failure.lost-answer"],
    breakRunners: overStore((store) => {
      let isLost = false;
      return delegateRegisters(store, {
        get: async (key, options) => {
          const found = await store.registers.get(key, options);
          return isLost && found !== undefined ? { ...found, value: `${found.value} ` } : found;
        },
        set: async (key, value, options) => {
          isLost = true;
          const revision = await store.registers.set(key, value, options);
          if (revision !== undefined) isLost = false;
          return revision;
        },
      });
    }),
  },
  {
    fault: "forgets what is held back when it is started again",
    rejectedBy: ["parking.restart"],
    breakRunners: overStore((store) =>
      delegateRegisters(store, {
        get: async (key, options) => {
          const found = await store.registers.get(key, options);
          if (found === undefined) return found;
          const { parked: _parked, ...rest } = Object(JSON.parse(found.value));
          return { ...found, value: JSON.stringify(rest) };
        },
      }),
    ),
  },
  {
    fault: "replays nothing and says that it did",
    rejectedBy: ["parking.replay", "parking.restart", "outbox.dead-letters"],
    breakRunners: changeCalls((inner) => ({
      replayParked: async () => inner.parked().reduce((sum, { events }) => sum + events, 0),
    })),
  },
  {
    fault: "replays the newest event of a stream first",
    rejectedBy: ["parking.replay", "parking.fails-again"],
    breakRunners: overStore((store) => ({
      ...store,
      readStream: (streamId, options) =>
        store.readStream(streamId, options?.to === options?.from ? options : { ...options, direction: "backward" }),
    })),
  },
  {
    fault: "replays a stream to its end, whatever it has come to",
    rejectedBy: ["parking.replay-late"],
    breakRunners: overStore((store) =>
      delegate(store, {
        readStream: (streamId, { to: _to, ...options } = {}) => store.readStream(streamId, options),
      }),
    ),
  },
  {
    fault: "forgets what fails again in its replay",
    rejectedBy: ["parking.fails-again"],
    breakRunners: changeCalls((inner) => ({
      replayParked: async (streamId) => {
        const streams = inner.parked().map((stream) => stream.streamId);
        try {
          return await inner.replayParked(streamId);
        } catch (error) {
          for (const id of streams) await inner.discardParked(id);
          throw error;
        }
      },
    })),
  },
  {
    fault: "forgets nothing when it is told to",
    rejectedBy: ["parking.discard"],
    breakRunners: changeCalls((inner) => ({
      discardParked: async (id) => inner.parked().find(({ streamId }) => streamId === id)?.events ?? 0,
    })),
  },
  {
    fault: "holds back without a limit",
    rejectedBy: ["parking.full"],
    breakRunners: overOptions(({ onFailure }) => (typeof onFailure === "object" ? { onFailure: "park" } : {})),
  },
  {
    fault: "drops what is too much to hold back",
    rejectedBy: ["parking.full"],
    breakRunners: overOptions(({ onFailure }) => (typeof onFailure === "object" ? { onFailure: "skip" } : {})),
  },
];
