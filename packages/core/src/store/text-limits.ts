/** Longest stream id, event type or tag, in UTF-8 bytes. Every backend can hold it, escaped or not. */
export const MAX_NAME_BYTES = 255;

/** Longest register key, in UTF-8 bytes: a stream id and room for what the register is about. */
export const MAX_KEY_BYTES = 320;

/** Why a text cannot be a name in every store, or `undefined` when it can. */
export function textProblem(text: unknown, maxBytes: number = MAX_NAME_BYTES): string | undefined {
  if (typeof text !== "string") return `is ${text === null ? "null" : typeof text}; it must be text`;
  if (text === "") return "is empty";
  if (text.includes("\u0000")) return "contains the character U+0000, which not every store can hold";
  if (!text.isWellFormed()) return "contains half of a surrogate pair, which cannot be stored as UTF-8";
  // A UTF-16 unit takes at most three bytes, so the exact count is needed for few names only.
  if (text.length * 3 > maxBytes && utf8Length(text) > maxBytes) {
    return `is longer than ${maxBytes} bytes in UTF-8; shorten it or use a hash of it`;
  }
  return undefined;
}

/** Bytes that the text takes in UTF-8. */
export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
