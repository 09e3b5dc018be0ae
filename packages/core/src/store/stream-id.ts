import { ConfigurationError } from "../errors/configuration-error.ts";
import { textProblem } from "./text-limits.ts";

/** The stream of one aggregate: `category-id`. @throws ConfigurationError when either part breaks the rules of names */
export function streamIdOf(category: string, id: string): string {
  if (category === "") throw new ConfigurationError("the category of a stream id is empty; name the kind of aggregate");
  if (category.includes("-")) {
    throw new ConfigurationError(
      `category ${JSON.stringify(category)} contains "-", which separates category and id; use another character`,
    );
  }
  if (typeof id !== "string") {
    throw new ConfigurationError(
      `an id in category ${JSON.stringify(category)} is ${String(id)}, not text; give every aggregate an id`,
    );
  }
  if (id === "") {
    throw new ConfigurationError(`an id in category ${JSON.stringify(category)} is empty; give every aggregate an id`);
  }
  const streamId = `${category}-${id}`;
  assertStreamId(streamId);
  return streamId;
}

/** The part of a stream id before the first `-`; all of it when there is none. */
export function categoryOf(streamId: string): string {
  const end = streamId.indexOf("-");
  return end === -1 ? streamId : streamId.slice(0, end);
}

/**
 * Refuses what is not a stream id: an empty one, one over 255 UTF-8 bytes, one that holds NUL or half a surrogate pair.
 * @throws ConfigurationError
 */
export function assertStreamId(streamId: string): void {
  const problem = textProblem(streamId);
  if (problem !== undefined) throw new ConfigurationError(`stream id ${JSON.stringify(streamId)} ${problem}`);
}
