/** Deepest nesting of objects and lists in an event. Far above real payloads, far below any parser's limit. */
export const MAX_JSON_DEPTH = 1_000;

/** A value cannot be stored as JSON without changing it. */
export class NotJsonError extends Error {
  constructor(path: string, problem: string) {
    super(`${path} ${problem}`);
    this.name = "NotJsonError";
  }
}

/**
 * What is wrong somewhere inside a value. The steps that lead there are gathered on the way out: naming every place on the
 * way in costs a third of a copy.
 */
export class JsonProblem extends Error {
  readonly #steps: string[] = [];

  /** Passes the error on, with the step that led to it when it is a problem of the value. */
  static under(error: unknown, step: string): unknown {
    if (error instanceof JsonProblem) error.#steps.push(step);
    return error;
  }

  /** The error that names the place from `path` on, when it is a problem of the value. */
  static at(error: unknown, path: string): unknown {
    if (!(error instanceof JsonProblem)) return error;
    const place = path + error.#steps.reverse().join("");
    return new NotJsonError(place.length > 80 ? `${place.slice(0, 77)}...` : place, error.message);
  }
}

/** Refuses a number that JSON does not have. */
export function assertJsonNumber(value: number): void {
  if (!Number.isFinite(value)) throw new JsonProblem(`is ${value}, which JSON does not have`);
}

/** Refuses an object at a depth that only a mistake reaches. */
export function assertJsonDepth(depth: number): void {
  if (depth >= MAX_JSON_DEPTH) {
    throw new JsonProblem(`is nested deeper than ${MAX_JSON_DEPTH} levels (or refers to itself)`);
  }
}

/** The refusal of a value of another type. */
export function notJsonType(value: unknown): JsonProblem {
  return new JsonProblem(
    `is ${article(typeof value)}, which is not JSON; convert it first, or use a codec in its schema`,
  );
}

/** Whether the object is a list. */
export function isList(value: object): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Refuses an object that is more than its members. */
export function assertPlain(value: object): asserts value is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return;
  const name = value.constructor?.name ?? "object";
  throw new JsonProblem(`is ${article(name)}, not a plain object; convert it first, or use a codec in its schema`);
}

function article(noun: string): string {
  return noun === "undefined" ? noun : /^[aeiou]/i.test(noun) ? `an ${noun}` : `a ${noun}`;
}
