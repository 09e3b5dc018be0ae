import {
  ConfigurationError,
  categoryOf,
  type DomainEvent,
  type EventCoder,
  type EventQuery,
  type Position,
  type RecordedEvent,
} from "@es/core";
import { queriesOf, throwIfAborted } from "@es/core/adapter";
import { atLeastOnce, type HandlerContext } from "../definition/delivery.ts";
import {
  aClock,
  aCoder,
  aFunction,
  anObject,
  aStart,
  assertIs,
  assertMembers,
  required,
  texts,
} from "../definition/member-rules.ts";
import type { Projection, StartPosition } from "../definition/projection.ts";
import { assertProjectionName } from "../definition/projection-name.ts";
import { WaitTimeoutError } from "../errors/errors.ts";
import { type Clock, systemClock } from "../runner/clock.ts";
import { isTransient } from "../runner/retry.ts";
import { headersOf, type OutboxMessage } from "./outbox-message.ts";

/** Sends a message. Resolves when the broker has taken it for good. */
export type Publish = (
  message: OutboxMessage,
  context: {
    /** Aborts when the attempt has taken too long, or the runner's time to drain is over. */
    readonly signal: AbortSignal;
    /** 1 for the first attempt. */
    readonly attempt: number;
  },
) => void | Promise<void>;

/** What {@link defineOutbox} takes. */
export interface OutboxSpec {
  /** Names its checkpoint: at most 50 bytes, without `:`. Never change it. */
  readonly name: string;
  /** Sends one message. */
  readonly publish: Publish;
  /**
   * Publish events of streams of these categories only.
   * @defaultValue all categories
   */
  readonly categories?: readonly string[];
  /**
   * Publish events of these stored types only.
   * @defaultValue all types
   */
  readonly types?: readonly string[];
  /**
   * The family of the events: they are then published in the form of their present schema.
   * @defaultValue as stored
   */
  readonly events?: EventCoder<DomainEvent>;
  /**
   * Where an event goes.
   * @defaultValue the category of its stream
   */
  readonly destination?: (event: RecordedEvent) => string;
  /**
   * Headers besides the reserved ones.
   * @defaultValue none
   */
  readonly headers?: (event: RecordedEvent) => Readonly<Record<string, string>>;
  /** How many streams are published at the same time. Within a stream it is one event at a time. @defaultValue 8 */
  readonly concurrency?: number;
  /** How long one attempt may take. @defaultValue 30000 */
  readonly timeoutMs?: number;
  /**
   * Where it starts when it has no checkpoint yet.
   * @defaultValue `"beginning"`
   */
  readonly from?: StartPosition;
  /** Time as it sees it. @defaultValue the clock of the machine */
  readonly clock?: Clock;
}

const MEMBERS = {
  publish: required(aFunction),
  categories: texts,
  types: texts,
  events: aCoder,
  destination: aFunction,
  headers: aFunction,
  from: aStart,
  clock: aClock,
};

/**
 * Declares an outbox: every event of the log is published, at least once, in the order of its stream. It is a projection, so a
 * runner runs it, alone or shared between processes. There is no second table to keep: what was appended is what is published.
 *
 * Give the runner `onFailure: "park"`: a message that is refused too often is then held back with the later ones of its stream, as
 * dead letters that can be listed and replayed.
 *
 * @example
 * ```ts
 * import { createProjectionRunner, defineOutbox } from "@es/projections";
 * import { createMemoryEventStore } from "@es/store-memory";
 *
 * const outbox = defineOutbox({ name: "orders", publish: ({ id, data }) => console.log(id, data) });
 * await using store = createMemoryEventStore();
 * await using runner = createProjectionRunner(outbox, { store, onFailure: "park" });
 * await runner.start();
 * ```
 * @throws ConfigurationError when a member is wrong
 */
export function defineOutbox(spec: OutboxSpec): Projection {
  assertIs("the declaration of an outbox", spec, anObject);
  const { name, categories, types, concurrency = 8, timeoutMs = 30_000, from = "beginning" } = spec;
  assertProjectionName(name);
  assertMembers(`outbox ${JSON.stringify(name)}`, spec, MEMBERS);
  for (const [member, value] of Object.entries({ concurrency, timeoutMs })) {
    if (typeof value !== "number" || !(value >= 1)) {
      throw new ConfigurationError(
        `${member} of outbox ${JSON.stringify(name)} is ${value}; it must be a number from 1`,
      );
    }
  }
  const filter: EventQuery | undefined =
    categories === undefined && types === undefined
      ? undefined
      : { ...(categories === undefined ? {} : { categories }), ...(types === undefined ? {} : { types }) };
  queriesOf(filter);
  /**
   * For each runner, known by its signal, the events of pages that are not done yet which were published. When a page is tried
   * again, they are not sent again. By position: nobody keeps two events from having one id.
   */
  const publishedBy = new WeakMap<AbortSignal, Set<Position>>();

  function publishedOf({ signal }: HandlerContext): Set<Position> {
    const published = publishedBy.get(signal) ?? new Set();
    publishedBy.set(signal, published);
    return published;
  }

  async function publishStream(events: readonly RecordedEvent[], context: HandlerContext): Promise<void> {
    const published = publishedOf(context);
    for (const event of events) {
      if (published.has(event.position)) continue;
      // Somebody else may publish these by now.
      throwIfAborted(context.signal);
      await publishOne(spec, event, context, timeoutMs);
      published.add(event.position);
    }
  }

  return {
    name,
    delivery: atLeastOnce,
    filter,
    from,
    isSingle: false,
    async apply(events, context, progress) {
      const streams = [...Map.groupBy(events, ({ streamId }) => streamId).values()].values();
      const failures: unknown[] = [];
      let isAway = false;
      const lane = async (): Promise<void> => {
        for (const stream of streams) {
          await publishStream(stream, context).catch((error: unknown) => {
            failures.push(error);
            isAway ||= isTransient(error);
          });
          // A stream that fails does not hold up the others; a broker that is away is away for all.
          if (isAway) return;
        }
      };
      await Promise.all(Array.from({ length: Math.min(concurrency, events.length) }, lane));
      if (failures.length > 0) throw failures[0];
      const published = publishedOf(context);
      for (const { position } of events) published.delete(position);
      progress.handled = events.length;
    },
  };
}

async function publishOne(
  spec: OutboxSpec,
  event: RecordedEvent,
  context: HandlerContext,
  timeoutMs: number,
): Promise<void> {
  const { publish, events, destination, headers, clock = systemClock } = spec;
  const message: OutboxMessage = {
    id: event.id,
    destination: destination?.(event) ?? categoryOf(event.streamId),
    key: event.streamId,
    type: event.type,
    data: event.data,
    headers: headersOf(event, headers?.(event) ?? {}),
    event,
  };
  const encoded = events?.encode(events.decode(event));
  const current =
    encoded === undefined
      ? message
      : {
          ...message,
          type: encoded.type,
          data: encoded.data,
          headers: {
            ...message.headers,
            "event-type": encoded.type,
            "schema-version": String(encoded.schemaVersion),
          },
        };
  const limit = new AbortController();
  const over = new AbortController();
  const signal = AbortSignal.any([context.signal, limit.signal]);
  const expiry = clock.delay(timeoutMs, over.signal).then(
    () => {
      limit.abort();
      throw new WaitTimeoutError(`publishing event ${event.id} did not end within ${timeoutMs} ms`);
    },
    () => undefined,
  );
  try {
    await Promise.race([publish(current, { signal, attempt: context.attempt }), expiry]);
  } finally {
    over.abort();
  }
}
