import type { JsonObject, JsonValue } from "../store/json.ts";

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
 * A deep copy of `value` that is exactly what JSON would bring back: members that are `undefined` are left out and -0 is 0.
 * Keys such as `__proto__` stay ordinary members.
 *
 * @param path - how to name the value in the error, such as `data`
 * @throws NotJsonError naming the place, for anything that JSON would change or refuse
 */
export function toJson(value: unknown, path: string): JsonValue {
  return copy(value, path, 0);
}

/** {@link toJson} for a value that must be an object. */
export function toJsonObject(value: unknown, path: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new NotJsonError(path, "is not an object");
  }
  return copyObject(value, path, 0);
}

/** A deep copy of JSON that is known to be JSON. */
export function cloneJson<T extends JsonValue>(value: T): T;
export function cloneJson(value: JsonValue): JsonValue {
  return copy(value, "value", 0);
}

function copy(value: unknown, path: string, depth: number): JsonValue {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) throw new NotJsonError(path, `is ${value}, which JSON does not have`);
      return value === 0 ? 0 : value;
    case "object":
      if (value === null) return null;
      if (depth >= MAX_JSON_DEPTH) {
        throw new NotJsonError(shorten(path), `is nested deeper than ${MAX_JSON_DEPTH} levels (or refers to itself)`);
      }
      return Array.isArray(value) ? copyArray(value, path, depth) : copyObject(value, path, depth);
    default:
      throw new NotJsonError(
        path,
        `is ${article(typeof value)}, which is not JSON; convert it first, or use a codec in its schema`,
      );
  }
}

function copyArray(list: readonly unknown[], path: string, depth: number): JsonValue {
  const result: JsonValue[] = [];
  for (let index = 0; index < list.length; index += 1) {
    result.push(copy(list[index], `${path}[${index}]`, depth + 1));
  }
  return result;
}

function copyObject(source: object, path: string, depth: number): JsonObject {
  const prototype: unknown = Object.getPrototypeOf(source);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new NotJsonError(
      path,
      `is ${article(className(source))}, not a plain object; convert it first, or use a codec in its schema`,
    );
  }
  const result: Record<string, JsonValue> = {};
  for (const [key, member] of Object.entries(source)) {
    if (member === undefined) continue;
    const copied = copy(member, `${path}.${key}`, depth + 1);
    // Plain assignment would call the setter of the prototype.
    if (key === "__proto__") {
      Object.defineProperty(result, key, { value: copied, enumerable: true, configurable: true, writable: true });
    } else {
      result[key] = copied;
    }
  }
  return result;
}

function className(value: object): string {
  return value.constructor?.name ?? "object";
}

function article(noun: string): string {
  return noun === "undefined" ? noun : /^[aeiou]/i.test(noun) ? `an ${noun}` : `a ${noun}`;
}

function shorten(path: string): string {
  return path.length > 80 ? `${path.slice(0, 77)}...` : path;
}
