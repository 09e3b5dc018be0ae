import { deepStrictEqual, fail } from "node:assert/strict";
import type { EncodedEvent } from "../events/define-events.ts";
import type { DomainEvent, EventDetails } from "../events/event-types.ts";
import type { AggregateClass, AnyAggregate, CommandOf } from "../repository/repository.ts";
import type { DomainCommand } from "../aggregate/aggregate-definition.ts";
import type { JsonValue } from "../store/json.ts";
import type { RecordedEvent } from "../store/recorded-event.ts";

/** The events of an aggregate. */
export type EventsOfAggregate<A extends AnyAggregate> = A["pendingEvents"][number];

/** An aggregate with a past. */
export interface Given<A extends AnyAggregate> {
  /** Sends a command. What it throws is kept for `thenThrows`. */
  when(command: CommandOf<A>): When<A>;
  /** Calls something else than `execute`, such as a method of an aggregate written as a class. */
  whenCalling(call: (aggregate: A) => void): When<A>;
  /** Checks the state that follows from the past. */
  thenState(expected: A["state"]): void;
}

/** A decision to check. */
export interface When<A extends AnyAggregate> {
  /** Checks that exactly these events were emitted, in this order. Further checks may follow. */
  thenEmits(...events: readonly EventsOfAggregate<A>[]): When<A>;
  /** Checks that nothing was emitted and nothing was thrown. */
  thenNothing(): When<A>;
  /** Checks the state after the emitted events. */
  thenState(expected: A["state"]): When<A>;
  /** Checks that the command was refused and the aggregate is as it was. A text must be part of the message. */
  thenThrows(expected: ErrorExpectation): void;
}

/** What an error should be: its class, part of its message, a pattern for it, or a check. */
export type ErrorExpectation =
  | (abstract new (
      ...args: never
    ) => Error)
  | string
  | RegExp
  | { readonly check: (error: unknown) => boolean };

/** An event as an earlier version of the code stored it. */
export interface StoredPast {
  /** The stored name, which may be a former one. */
  readonly type: string;
  /** The stored form of the data. */
  readonly data: JsonValue;
  /** Version of the schema that wrote it. @defaultValue 1 */
  readonly schemaVersion?: number;
}

/**
 * Tests an aggregate in the words of its domain, without a store. The past goes through the same encoding and checks as
 * stored events do.
 *
 * @example
 * ```ts
 * given(Account, { type: "Opened", data: { owner: "Ada" } })
 *   .when({ type: "Withdraw", data: { amount: 10 } })
 *   .thenThrows("insufficient funds");
 * ```
 */
export function given<A extends AnyAggregate>(
  aggregateClass: AggregateClass<A>,
  ...past: readonly (EventsOfAggregate<A> & EventDetails)[]
): Given<A> {
  return fromHistory(aggregateClass, (aggregate) => past.map((event, index) => recorded(aggregate, event, index + 1)));
}

/**
 * As {@link given}, with a past that an earlier version of the code stored: tests upcasters and former names.
 *
 * @example
 * ```ts
 * givenStored(Account, { type: "Opened", data: { name: "Ada" } }).thenState({ owner: "Ada", balance: 0 });
 * ```
 */
export function givenStored<A extends AnyAggregate>(
  aggregateClass: AggregateClass<A>,
  ...past: readonly StoredPast[]
): Given<A> {
  return fromHistory(aggregateClass, ({ streamId }) =>
    past.map(({ type, data, schemaVersion = 1 }, index) =>
      asRecorded(streamId, { type, data, schemaVersion }, {}, index + 1),
    ),
  );
}

function fromHistory<A extends AnyAggregate>(
  aggregateClass: AggregateClass<A>,
  history: (aggregate: A) => readonly RecordedEvent[],
): Given<A> {
  function start(): A {
    const aggregate = new aggregateClass("test");
    aggregate.rehydrate(history(aggregate));
    return aggregate;
  }

  return {
    when: (command) => decide(start(), (aggregate) => executeOn(aggregate, command)),
    whenCalling: (call) => decide(start(), call),
    thenState: (expected) => deepStrictEqual(start().state, expected),
  };
}

function decide<A extends AnyAggregate>(aggregate: A, work: (aggregate: A) => void): When<A> {
  const before = aggregate.state;
  let thrown: { readonly error: unknown } | undefined;
  try {
    work(aggregate);
  } catch (error) {
    thrown = { error };
  }

  function refuseThrown(): void {
    if (thrown === undefined) return;
    throw new Error(`the command was refused: ${messageOf(thrown.error)}`, { cause: thrown.error });
  }

  const checks: When<A> = {
    thenEmits(...events) {
      refuseThrown();
      deepStrictEqual(aggregate.pendingEvents.map(plain), events.map(plain));
      return checks;
    },
    thenNothing() {
      return checks.thenEmits();
    },
    thenState(expected) {
      refuseThrown();
      deepStrictEqual(aggregate.state, expected);
      return checks;
    },
    thenThrows(expected) {
      if (thrown === undefined) {
        fail(`the command should have been refused, but emitted ${JSON.stringify(aggregate.pendingEvents)}`);
      }
      if (!meets(thrown.error, expected)) {
        throw new Error(`the command was refused with another error: ${messageOf(thrown.error)}`, {
          cause: thrown.error,
        });
      }
      deepStrictEqual(aggregate.pendingEvents, []);
      deepStrictEqual(aggregate.state, before);
    },
  };
  return checks;
}

function recorded(aggregate: AnyAggregate, event: DomainEvent & EventDetails, version: number): RecordedEvent {
  return asRecorded(aggregate.streamId, aggregate.definition.events.encode(event), event, version);
}

function asRecorded(streamId: string, encoded: EncodedEvent, details: EventDetails, version: number): RecordedEvent {
  const { type, data, schemaVersion } = encoded;
  return {
    id: details.id ?? `00000000-0000-4000-8000-${String(version).padStart(12, "0")}`,
    streamId,
    version,
    position: String(version).padStart(16, "0"),
    type,
    data,
    metadata: { ...details.metadata, ...(schemaVersion === 1 ? {} : { schemaVersion }) },
    tags: details.tags ?? [],
    recordedAt: 0,
  };
}

function executeOn<A extends AnyAggregate>(aggregate: A, command: CommandOf<A> & DomainCommand): void {
  aggregate.execute(command);
}

function plain(event: DomainEvent): DomainEvent {
  return { type: event.type, data: event.data };
}

function meets(error: unknown, expected: ErrorExpectation): boolean {
  if (typeof expected === "string") return messageOf(error).includes(expected);
  if (expected instanceof RegExp) return expected.test(messageOf(error));
  if (typeof expected === "function") return error instanceof expected;
  return expected.check(error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
