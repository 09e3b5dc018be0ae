import { assertStreamId, type Capabilities, ConfigurationError, UnsupportedError } from "@es/core";
import type { StreamCheck } from "./append.ts";
import type { EncodedWrite } from "./encoded-append.ts";

/** Checks the option `ifStreams` of an append. @throws ConfigurationError, UnsupportedError */
export function checkStreams(
  checks: readonly StreamCheck[],
  writes: readonly EncodedWrite[],
  capabilities: Capabilities,
): readonly StreamCheck[] {
  if (checks.length === 0) return checks;
  if (capabilities.conditions !== "stream") {
    throw new UnsupportedError(`this store takes no checks of streams: ${capabilities.gaps.conditions ?? ""}`);
  }
  const seen = new Set(writes.map(({ streamId }) => streamId));
  return checks.map(({ streamId, expected }) => {
    assertStreamId(streamId);
    const shown = JSON.stringify(streamId);
    if (seen.has(streamId)) {
      throw new ConfigurationError(
        `stream ${shown} in ifStreams is checked twice, or written by the append; a written stream is checked by its expected version`,
      );
    }
    seen.add(streamId);
    const isState = expected === "no-stream" || expected === "stream-exists";
    if (!isState && !(Number.isSafeInteger(expected) && expected >= 0)) {
      throw new ConfigurationError(
        `stream ${shown} in ifStreams: ${JSON.stringify(expected)} is not a whole number from 0, "no-stream" or "stream-exists"`,
      );
    }
    return { streamId, expected };
  });
}

/** The server takes streams for one here whose names differ in case alone. @throws UnsupportedError naming them */
export function refuseTwins(writes: readonly EncodedWrite[], checks: readonly StreamCheck[]): void {
  if (writes.length + checks.length === 1) return;
  const seen = new Map<string, string>();
  for (const { streamId } of [...writes, ...checks]) {
    const folded = foldCase(streamId);
    const twin = seen.get(folded);
    if (twin !== undefined) {
      throw new UnsupportedError(
        `streams ${JSON.stringify(twin)} and ${JSON.stringify(streamId)} differ in case alone, and KurrentDB takes them for one in an append that names several; append to them one by one`,
      );
    }
    seen.set(folded, streamId);
  }
}

/** Upper case, character by character, as the server compares. */
function foldCase(text: string): string {
  return Array.from(text, (character) => {
    const upper = character.toUpperCase();
    return upper.length === character.length ? upper : character;
  }).join("");
}
