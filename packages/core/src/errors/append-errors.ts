import type { AppendCondition } from "../store/event-query.ts";
import type { ExpectedVersion } from "../store/expected-version.ts";
import type { Position } from "../store/position.ts";
import { EventSourcingError } from "./event-sourcing-error.ts";

/** The stream was not in the state that the writer expected. Nothing was written. Load again and decide again. */
export class ConcurrencyError extends EventSourcingError {
  readonly code = "ES_CONCURRENCY";
  readonly retryable = false;
  /** The stream that moved. */
  readonly streamId: string;
  /** What the writer expected. */
  readonly expected: ExpectedVersion;
  /** The stream's version when the append was refused. */
  readonly actual: number;

  constructor(
    facts: { readonly streamId: string; readonly expected: ExpectedVersion; readonly actual: number },
    options?: ErrorOptions,
  ) {
    const expected = typeof facts.expected === "number" ? `version ${facts.expected}` : `"${facts.expected}"`;
    super(
      `stream ${JSON.stringify(facts.streamId)}: expected ${expected}, but it is at version ${facts.actual}`,
      options,
    );
    this.streamId = facts.streamId;
    this.expected = facts.expected;
    this.actual = facts.actual;
  }
}

/** An event that matches the append's condition was stored after the condition's position. Nothing was written. */
export class ConditionFailedError extends EventSourcingError {
  readonly code = "ES_CONDITION_FAILED";
  readonly retryable = false;
  /** The condition that failed. */
  readonly condition: AppendCondition;
  /** Position of a matching event. */
  readonly position: Position;

  constructor(facts: { readonly condition: AppendCondition; readonly position: Position }, options?: ErrorOptions) {
    super(
      `the append's condition failed: an event at position ${facts.position} matches and is newer than ` +
        `${facts.condition.after === "" ? "the start" : facts.condition.after}; read again and decide again`,
      options,
    );
    this.condition = facts.condition;
    this.position = facts.position;
  }
}

/** The append exceeds what the store takes in one piece. Nothing was written. */
export class AppendTooLargeError extends EventSourcingError {
  readonly code = "ES_APPEND_TOO_LARGE";
  readonly retryable = false;
  /** What is too large: `"events"` or `"bytes"`. */
  readonly unit: "events" | "bytes";
  /** The most that the store takes. */
  readonly limit: number;
  /** What the append has. */
  readonly actual: number;

  constructor(
    facts: { readonly unit: "events" | "bytes"; readonly limit: number; readonly actual: number },
    options?: ErrorOptions,
  ) {
    super(
      `the append has ${facts.actual} ${facts.unit}, the store takes ${facts.limit} at once; split it into several appends${
        facts.unit === "bytes" ? ", or keep large data elsewhere and store a reference" : ""
      }`,
      options,
    );
    this.unit = facts.unit;
    this.limit = facts.limit;
    this.actual = facts.actual;
  }
}

/**
 * Whether the append was stored is not known, and the store could not find out. Repeat it with the same event ids and
 * expected version: if it was stored, the answer is the first result, marked as a duplicate. One that expects `"any"` or
 * `"stream-exists"` names no place where it would be recognised, so look for its event ids in the stream before repeating it.
 */
export class UnknownOutcomeError extends EventSourcingError {
  readonly code = "ES_UNKNOWN_OUTCOME";
  readonly retryable = true;
}
