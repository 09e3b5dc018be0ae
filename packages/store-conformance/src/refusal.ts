import { type ErrorCode, type EventStore, isEventSourcingError } from "@es/core";
import { expect } from "vitest";
import { readLog } from "./reading.ts";

/** The error that `action` ends with; fails when it ends well. */
export async function errorOf(action: Promise<unknown>): Promise<unknown> {
  let result: unknown;
  try {
    result = await action;
  } catch (error) {
    return error;
  }
  return expect.fail(`was to be refused, but resolved to ${JSON.stringify(result)}`);
}

/**
 * Expects `action` to be refused with an error of the toolkit that has this code and these fields.
 * @returns the error's message
 */
export async function expectRefusal(
  action: Promise<unknown>,
  code: ErrorCode,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const error = await errorOf(action);
  if (!isEventSourcingError(error)) {
    return expect.fail(`was to be refused with ${code}, but failed with an error of another kind: ${String(error)}`);
  }
  const names = Object.keys(fields);
  const found = Object.fromEntries(names.map((name) => [name, Reflect.get(error, name)]));
  expect({ code: error.code, ...found }, error.message).toStrictEqual({ code, ...fields });
  return error.message;
}

/** Expects that the store holds no event at all. */
export async function expectEmpty(store: EventStore<unknown>): Promise<void> {
  expect(await readLog(store)).toStrictEqual([]);
  expect(await store.head()).toBe("");
}
