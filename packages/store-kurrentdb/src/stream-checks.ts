import { assertStreamId, type Capabilities, ConfigurationError, UnsupportedError } from "@es/core";
import type { StreamCheck } from "./append.ts";
import type { EncodedWrite } from "./encoded-append.ts";

/** Checks the option `ifStreams` of an append. @throws ConfigurationError, UnsupportedError */
export function checkStreams(
  checks: readonly StreamCheck[],
  writes: readonly EncodedWrite[],
  capabilities: Capabilities,
): readonly StreamCheck[] {
  if (checks.length > 0 && capabilities.conditions !== "stream") {
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
