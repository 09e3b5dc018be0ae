import type { JsonValue } from "@es/core";

/** The longest are escaped: `\u0001` for one UTF-16 unit. Without escapes a unit takes at most three bytes. */
const PER_UNIT = 6;
/** Such as `-1.2345678901234567e-300`. */
const NUMBER = 25;
const WORD = 5;

/** Not less than the bytes of a value as JSON text in UTF-8: for most events enough to know, and a fraction of the work. */
export function mostJsonBytes(value: JsonValue): number {
  switch (typeof value) {
    case "string":
      return value.length * PER_UNIT + 2;
    case "number":
      return NUMBER;
    case "object":
      if (value === null) return WORD;
      return isList(value) ? mostOfList(value) : mostOfObject(value);
    default:
      return WORD;
  }
}

/** The bytes of a value as JSON text in UTF-8. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function mostOfList(list: readonly JsonValue[]): number {
  let bytes = 2;
  for (const item of list) bytes += mostJsonBytes(item) + 1;
  return bytes;
}

function mostOfObject(object: { readonly [key: string]: JsonValue }): number {
  let bytes = 2;
  for (const key of Object.keys(object)) bytes += key.length * PER_UNIT + 4 + mostJsonBytes(object[key] ?? null);
  return bytes;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
