import { readFile } from "node:fs/promises";
import { ConfigurationError, EventSourcingError, isEventSourcingError } from "@es/core";
import { describe, expect, it } from "vitest";
import * as projections from "../src/index.ts";
import { isProjectionError, PROJECTION_ERROR_CODES } from "../src/index.ts";

const facts = { streamId: "a-1", expected: 1, actual: 2, position: "7" };

/** One error of each class. */
const errors = [
  new projections.CheckpointConflictError("p"),
  new projections.CheckpointMismatchError("p", "ahead", "is ahead"),
  new projections.CheckpointUnreadableError("checkpoint:p", "is not one"),
  new projections.FeedIntegrityError(facts),
  new projections.HandlerFailedError("p", { eventType: "Opened", position: "7" }, 2, { cause: new Error("no") }),
  new projections.LeaseLostError("lease:a", 3),
  new projections.ParkingFullError("p", { streams: 2, events: 9, maxStreams: 1, maxEvents: 8 }),
  new projections.ProjectionReplacedError("p", "q"),
  new projections.ProjectionStoppedError("p"),
  new projections.WaitTimeoutError("too long"),
];

describe("error codes", () => {
  it("belong to one exported class each", () => {
    const exported = Object.keys(projections).filter((name) => /^[A-Z].*Error$/.test(name));

    expect(errors.map(({ code }) => code).sort()).toEqual([...PROJECTION_ERROR_CODES].sort());
    expect(errors.map(({ name }) => name).sort()).toEqual(exported.sort());
  });

  it.each(PROJECTION_ERROR_CODES)("%s has a heading in docs/errors.md", async (code) => {
    const text = await readFile(new URL("../../../docs/errors.md", import.meta.url), "utf8");

    expect(text).toMatch(new RegExp(`^#+ .*\\b${code}\\b`, "m"));
  });

  it.each(errors.map((error) => [error.name, error] as const))("%s is an error of the toolkit", (_name, error) => {
    expect(error).toBeInstanceOf(EventSourcingError);
    expect(isEventSourcingError(error)).toBe(true);
    expect(error.message).not.toBe("");
  });

  it.each(errors.map((error) => [error.code, error] as const))(
    "%s is told from the others, and from other errors",
    (code, error) => {
      const copy = Object.assign(new Error("of another copy of the package"), { code });

      expect(PROJECTION_ERROR_CODES.filter((other) => isProjectionError(error, other))).toStrictEqual([code]);
      expect(isProjectionError(copy, code) && isProjectionError(copy)).toBe(true);
      expect(isProjectionError({ code }, code)).toBe(false);
      expect(isProjectionError(new ConfigurationError("wrong"))).toBe(false);
    },
  );
});
