import { categoryOf } from "@es/core";

const PLAIN = /^[A-Za-z0-9_-]+$/;
const EMPTY = "=";
/** Stands for "no `-` in the stream id", which differs from an empty rest behind it. */
const NO_REST = "==";

/**
 * One token of a subject for any text: letters, digits, `_` and `-` stand for themselves, every other byte of its UTF-8 form is
 * `=` and two hexadecimal digits, and the empty text is `=`. The same characters are legal in keys of a key-value bucket.
 */
export function escapeToken(text: string): string {
  if (text === "") return EMPTY;
  if (PLAIN.test(text)) return text;
  let token = "";
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte);
    token += PLAIN.test(character) ? character : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return token;
}

/** The text that {@link escapeToken} made this token of, or `undefined` when it made no such token. */
export function unescapeToken(token: string): string | undefined {
  if (PLAIN.test(token)) return token;
  if (token === EMPTY) return "";
  if (!/^(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+$/.test(token)) return undefined;
  const bytes: number[] = [];
  for (let index = 0; index < token.length; index += 1) {
    if (token[index] === "=") {
      bytes.push(Number.parseInt(token.slice(index + 1, index + 3), 16));
      index += 2;
    } else {
      bytes.push(token.charCodeAt(index));
    }
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
    return escapeToken(text) === token ? text : undefined;
  } catch {
    return undefined;
  }
}

/** The subject of a stream: `prefix.category.rest`, where the rest is what follows the first `-` of the stream id. */
export function subjectOf(prefix: string, streamId: string): string {
  const category = categoryOf(streamId);
  const rest = category.length === streamId.length ? NO_REST : escapeToken(streamId.slice(category.length + 1));
  return `${prefix}.${escapeToken(category)}.${rest}`;
}

/** The subjects of all streams of a category. */
export function categorySubject(prefix: string, category: string): string {
  return `${prefix}.${escapeToken(category)}.*`;
}

/** The stream of a subject that {@link subjectOf} made, or `undefined` for any other. */
export function streamIdOfSubject(prefix: string, subject: string): string | undefined {
  if (!subject.startsWith(`${prefix}.`)) return undefined;
  const [categoryToken, restToken, ...others] = subject.slice(prefix.length + 1).split(".");
  if (categoryToken === undefined || restToken === undefined || others.length > 0) return undefined;
  const category = unescapeToken(categoryToken);
  if (category === undefined) return undefined;
  if (restToken === NO_REST) return category;
  const rest = unescapeToken(restToken);
  return rest === undefined ? undefined : `${category}-${rest}`;
}
