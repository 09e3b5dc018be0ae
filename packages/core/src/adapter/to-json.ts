import type { JsonObject, JsonValue } from "../store/json.ts";
import {
  assertJsonDepth,
  assertJsonNumber,
  assertPlain,
  isList,
  JsonProblem,
  NotJsonError,
  notJsonType,
} from "./not-json.ts";

/**
 * A deep copy of `value` that is exactly what JSON would bring back: members that are `undefined` are left out and -0 is 0.
 * Keys such as `__proto__` stay ordinary members.
 *
 * @param path - how to name the value in the error, such as `data`
 * @throws NotJsonError naming the place, for anything that JSON would change or refuse
 */
export function toJson(value: unknown, path: string): JsonValue {
  try {
    return copy(value, 0);
  } catch (error) {
    throw JsonProblem.at(error, path);
  }
}

/** {@link toJson} for a value that must be an object. */
export function toJsonObject(value: unknown, path: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new NotJsonError(path, "is not an object");
  }
  try {
    return copyObject(value, 0);
  } catch (error) {
    throw JsonProblem.at(error, path);
  }
}

/** A deep copy of JSON that is known to be JSON. */
export function cloneJson<T extends JsonValue>(value: T): T;
export function cloneJson(value: JsonValue): JsonValue {
  return toJson(value, "value");
}

function copy(value: unknown, depth: number): JsonValue {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      assertJsonNumber(value);
      return value === 0 ? 0 : value;
    case "object":
      if (value === null) return null;
      assertJsonDepth(depth);
      return isList(value) ? copyList(value, depth) : copyObject(value, depth);
    default:
      throw notJsonType(value);
  }
}

function copyList(list: readonly unknown[], depth: number): JsonValue {
  const result: JsonValue[] = [];
  let index = 0;
  try {
    for (; index < list.length; index += 1) result.push(copy(list[index], depth + 1));
  } catch (error) {
    throw JsonProblem.under(error, `[${index}]`);
  }
  return result;
}

function copyObject(source: object, depth: number): JsonObject {
  assertPlain(source);
  const result: Record<string, JsonValue> = {};
  let place = "";
  try {
    for (const key of Object.keys(source)) {
      place = key;
      const member = source[key];
      if (member === undefined) continue;
      const copied = copy(member, depth + 1);
      // Plain assignment would call the setter of the prototype.
      if (key === "__proto__") {
        Object.defineProperty(result, key, { value: copied, enumerable: true, configurable: true, writable: true });
      } else {
        result[key] = copied;
      }
    }
  } catch (error) {
    throw JsonProblem.under(error, `.${place}`);
  }
  return result;
}
