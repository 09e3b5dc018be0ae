import { AppendTooLargeError, type Capabilities, type Write } from "@es/core";
import { type PreparedTextEvent, type PreparedWrite, prepareTextAppend } from "@es/core/adapter";
import { encodeEvents } from "./commit.ts";

/** A write that is ready to be sent. */
export interface EncodedWrite extends PreparedWrite<PreparedTextEvent> {
  readonly body: Uint8Array;
}

/** An append that is checked and ready to be sent. */
export interface EncodedAppend {
  /** Drawn for this call, so that it is found again when its answer is lost. */
  readonly id: string;
  readonly writes: readonly EncodedWrite[];
}

/**
 * Checks an append and turns it into messages, which may have so many bytes.
 *
 * @throws ConfigurationError, InvalidEventError, UnsupportedError, AppendTooLargeError
 */
export function encodeAppend(
  writes: Write | readonly Write[],
  capabilities: Capabilities,
  maxBytes: number,
): EncodedAppend {
  const encoded = prepareTextAppend(writes, capabilities).map((write) => ({
    ...write,
    body: encodeEvents(write.events),
  }));
  const actual = encoded.reduce((sum, { body }) => sum + body.length, 0);
  if (actual > maxBytes) throw new AppendTooLargeError({ unit: "bytes", limit: maxBytes, actual });
  return { id: globalThis.crypto.randomUUID(), writes: encoded };
}
