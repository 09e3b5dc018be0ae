import type { DomainEvent, EventFamily, EventSchemas, Recorded, RecordedEvent } from "@es/core";
import { ConfigurationError } from "@es/core";
import { aFamily, aFunction, assertIs } from "../definition/member-rules.ts";
import type { RecordedOf } from "../definition/projection-spec.ts";
import { describe } from "../errors/errors.ts";
import { isTransient } from "../runner/retry.ts";
import type { Publish } from "./outbox.ts";

/** A handler of a bus. */
export type BusHandler<Event> = (event: Event) => void | Promise<void>;

/** Hands events to handlers in this process. Made by {@link createEventBus}. */
export interface EventBus<S extends EventSchemas> {
  /** Calls `handler` for every event of a type. @returns a function that takes the handler off again */
  on<Type extends keyof S & string>(type: Type, handler: BusHandler<RecordedOf<S, Type>>): () => void;
  /** Calls `handler` for every event. @returns a function that takes the handler off again */
  onAny(handler: BusHandler<RecordedOf<S>>): () => void;
  /**
   * Calls the handlers of an event, one after the other in the order in which they were added. One that fails does not keep the
   * others from being called. Events that are not of the family are passed over.
   *
   * @throws AggregateError when handlers failed: the outbox then publishes the event again, to all of them; when one of them met an
   * outage, the error that says so instead, so that the event is not blamed for it
   */
  publish(event: RecordedEvent): Promise<void>;
  /** For `publish` of an outbox. */
  readonly publisher: Publish;
}

type AnyHandler = BusHandler<Recorded<DomainEvent>>;

interface UntypedBus {
  on(type: string, handler: AnyHandler): () => void;
  onAny(handler: AnyHandler): () => void;
  publish(event: RecordedEvent): Promise<void>;
  readonly publisher: Publish;
}

/**
 * A bus for events of a family. Behind an outbox it delivers every event at least once, in the order of its stream, also after a
 * crash; without one, it delivers what it is given.
 *
 * @example
 * ```ts
 * import { defineEvents } from "@es/core";
 * import { createEventBus, defineOutbox } from "@es/projections";
 * import * as z from "zod";
 *
 * const bus = createEventBus(defineEvents({ UserSignedUp: z.object({ name: z.string() }) }));
 * bus.on("UserSignedUp", ({ data }) => console.log(`welcome, ${data.name}`));
 * const outbox = defineOutbox({ name: "bus", publish: bus.publisher });
 * ```
 */
export function createEventBus<S extends EventSchemas>(events: EventFamily<S>): EventBus<S>;
export function createEventBus(events: EventFamily<EventSchemas>): UntypedBus {
  assertIs("the family of the bus", events, aFamily);
  // An object for each call, so that one handler may be added twice and taken off once.
  const entries = new Set<{ readonly type: string | undefined; readonly handler: AnyHandler }>();

  function add(type: string | undefined, handler: AnyHandler): () => void {
    assertIs("a handler of the bus", handler, aFunction);
    if (type !== undefined && !Object.hasOwn(events.schemas, type)) {
      throw new ConfigurationError(
        `the bus has no event ${JSON.stringify(type)}; those of its family are ${events.types.join(", ")}`,
      );
    }
    const entry = { type, handler };
    entries.add(entry);
    return () => void entries.delete(entry);
  }

  async function publish(recorded: RecordedEvent): Promise<void> {
    if (!events.includes(recorded)) return;
    const event = events.decode(recorded);
    const failures: unknown[] = [];
    // A list of its own: a handler may add and take off others.
    for (const { handler } of [...entries].filter((entry) => entry.type === undefined || entry.type === event.type)) {
      try {
        await handler(event);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 0) return;
    const outage = failures.find(isTransient);
    if (outage !== undefined) throw outage;
    throw new AggregateError(failures, `${failures.length} handlers of ${event.type} failed: ${describe(failures[0])}`);
  }

  return {
    on: (type, handler) => add(type, handler),
    onAny: (handler) => add(undefined, handler),
    publish,
    publisher: ({ event }) => publish(event),
  };
}
