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
 * The JSON text of `value`, refusing what `toJson` refuses. For a store that keeps text this saves the copy, which costs as much
 * as the text itself.
 *
 * @param path - how to name the value in the error, such as `data`
 * @throws NotJsonError naming the place, for anything that JSON would change or refuse
 */
export function toJsonText(value: unknown, path: string): string {
  try {
    check(value, 0);
  } catch (error) {
    throw JsonProblem.at(error, path);
  }
  return JSON.stringify(value);
}

/** {@link toJsonText} for a value that must be an object. */
export function toJsonObjectText(value: unknown, path: string): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new NotJsonError(path, "is not an object");
  }
  return toJsonText(value, path);
}

function check(value: unknown, depth: number): void {
  switch (typeof value) {
    case "string":
    case "boolean":
      return;
    case "number":
      assertJsonNumber(value);
      return;
    case "object":
      if (value === null) return;
      assertJsonDepth(depth);
      if (isList(value)) checkList(value, depth);
      else checkObject(value, depth);
      return;
    default:
      throw notJsonType(value);
  }
}

function checkList(list: readonly unknown[], depth: number): void {
  let index = 0;
  try {
    for (; index < list.length; index += 1) check(list[index], depth + 1);
  } catch (error) {
    throw JsonProblem.under(error, `[${index}]`);
  }
  refuseConversion(list);
}

/** A method `toJSON`, hidden or of a class, would put something else in the place of the value. */
function refuseConversion(value: object): void {
  if ("toJSON" in value && typeof value.toJSON === "function")
    throw new JsonProblem("has a method toJSON; convert it first");
}

function checkObject(source: object, depth: number): void {
  assertPlain(source);
  let place = "";
  try {
    for (const key of Object.keys(source)) {
      place = key;
      const member = source[key];
      if (member !== undefined) check(member, depth + 1);
    }
  } catch (error) {
    throw JsonProblem.under(error, `.${place}`);
  }
  refuseConversion(source);
}
