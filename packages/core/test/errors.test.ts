import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import * as core from "../src/index.ts";
import { ERROR_CODES, type ErrorCode, EventSourcingError, isEventSourcingError } from "../src/index.ts";

const facts = { eventType: "Opened", streamId: "account-1", version: 2 };
const condition = { none: { types: ["Opened"] }, after: "" };

/** One error of each class. */
const errors = [
  new core.AbortedError(),
  new core.AggregateNotFoundError("account-1"),
  new core.AppendTooLargeError({ unit: "bytes", limit: 10, actual: 11 }),
  new core.CodecError("a"),
  new core.ConcurrencyError({ streamId: "account-1", expected: 2, actual: 3 }),
  new core.ConditionFailedError({ condition, position: "9" }),
  new core.ConfigurationError("a"),
  new core.InvalidCommandError("Open", "a"),
  new core.InvalidEventError(facts, "a"),
  new core.InvalidPositionError("x", "a"),
  new core.InvalidStateError("a"),
  new core.MissingHandlerError(facts, "a"),
  new core.PendingEventsError("a"),
  new core.StoreClosedError(),
  new core.StoreCorruptError("a"),
  new core.StoreFormatError("a"),
  new core.StoreUnavailableError("a"),
  new core.StreamIntegrityError("account-1", "a"),
  new core.UnknownEventTypeError(facts, "a"),
  new core.UnknownOutcomeError("a"),
  new core.UnsupportedError("a"),
  new core.UpcastError(facts, "a"),
];

describe("error codes", () => {
  it("belong to one exported class each", () => {
    expect(errors.map(({ code }) => code).sort()).toEqual([...ERROR_CODES].sort());
  });

  it("cover every exported error class", () => {
    const exported = Object.keys(core).filter(
      (name) => name.endsWith("Error") && !["isEventSourcingError", "EventSourcingError", "EventError"].includes(name),
    );

    expect(errors.map(({ constructor }) => constructor.name).sort()).toEqual(exported.sort());
  });

  it.each(ERROR_CODES)("%s has a heading in docs/errors.md", async (code) => {
    const text = await readFile(new URL("../../../docs/errors.md", import.meta.url), "utf8");

    expect(text).toMatch(new RegExp(`^#+ .*\\b${code}\\b`, "m"));
  });
});

describe("errors", () => {
  it.each(errors.map((error) => [error.name, error] as const))(
    "%s is named after its class and told by its code",
    (_name, error) => {
      expect(error.name).toBe(error.constructor.name);
      expect(error).toBeInstanceOf(EventSourcingError);
      expect(error.message).not.toBe("");
      expect(isEventSourcingError(error)).toBe(true);
      expect(isEventSourcingError(error, error.code)).toBe(true);
    },
  );

  it("that the very same call may overcome are two", () => {
    expect(errors.filter(({ retryable }) => retryable).map(({ code }) => code)).toEqual([
      "ES_STORE_UNAVAILABLE",
      "ES_UNKNOWN_OUTCOME",
    ]);
  });

  it("keep the cause", () => {
    const cause = new Error("socket closed");

    expect(new core.StoreUnavailableError("a", { cause }).cause).toBe(cause);
  });

  it("say the facts", () => {
    expect(new core.ConcurrencyError({ streamId: "a-1", expected: "no-stream", actual: 3 })).toMatchObject({
      message: 'stream "a-1": expected "no-stream", but it is at version 3',
      streamId: "a-1",
      expected: "no-stream",
      actual: 3,
    });
    expect(new core.AppendTooLargeError({ unit: "events", limit: 10, actual: 11 })).toMatchObject({
      message: "the append has 11 events, the store takes 10 at once; split it into several appends",
      limit: 10,
      actual: 11,
    });
    expect(new core.AppendTooLargeError({ unit: "bytes", limit: 10, actual: 11 }).message).toMatch(
      /store a reference$/,
    );
    expect(new core.ConditionFailedError({ condition, position: "9" })).toMatchObject({ condition, position: "9" });
    expect(new core.AggregateNotFoundError("a-1")).toMatchObject({
      message: 'aggregate "a-1" has no events',
      streamId: "a-1",
    });
    expect(new core.InvalidEventError(facts, "is wrong")).toMatchObject({
      message: 'event "Opened" in stream "account-1" at version 2 is wrong',
      ...facts,
    });
  });
});

describe("isEventSourcingError", () => {
  it("goes by the code, so that two copies of the package agree", () => {
    class FromAnotherCopy extends Error {
      readonly code: ErrorCode = "ES_CONCURRENCY";
    }

    expect(isEventSourcingError(new FromAnotherCopy())).toBe(true);
    expect(isEventSourcingError(new FromAnotherCopy(), "ES_CONCURRENCY")).toBe(true);
    expect(isEventSourcingError(new FromAnotherCopy(), "ES_CODEC")).toBe(false);
  });

  it.each([
    new Error("a"),
    { code: "ES_CODEC" },
    Object.assign(new Error("a"), { code: "ENOENT" }),
    Object.assign(new Error("a"), { code: 7 }),
    null,
    undefined,
    "ES_CODEC",
  ])("is false for %s", (value) => {
    expect(isEventSourcingError(value)).toBe(false);
  });
});
