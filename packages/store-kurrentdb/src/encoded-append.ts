import { AppendTooLargeError, type Capabilities, type ExpectedVersion, type Write } from "@es/core";
import { prepareAppend } from "@es/core/adapter";
import { sizeOf, toOutgoing } from "./event-mapping.ts";
import { mostJsonBytes } from "./json-bytes.ts";
import type { OutgoingEvent } from "./kurrent-client.ts";

/** A write that is ready to be sent. */
export interface EncodedWrite {
  readonly streamId: string;
  readonly expected: ExpectedVersion;
  readonly events: readonly OutgoingEvent[];
}

/**
 * Checks an append and turns it into what the client takes. `recordedAt` is a time as JSON has it.
 *
 * @throws ConfigurationError, InvalidEventError, UnsupportedError, AppendTooLargeError
 */
export function encodeAppend(
  writes: Write | readonly Write[],
  capabilities: Capabilities,
  recordedAt: string,
): readonly EncodedWrite[] {
  let most = 0;
  const encoded = prepareAppend(writes, capabilities).map(({ streamId, expected, events }) => ({
    streamId,
    expected,
    events: events.map((event) => {
      const outgoing = toOutgoing(event, recordedAt);
      most += mostJsonBytes(event.data) + mostJsonBytes(outgoing.metadata) + 2 * outgoing.type.length;
      return outgoing;
    }),
  }));
  const limit = capabilities.maxBytesPerAppend;
  // The client makes the text too, and does not tell how long it is; making it twice is worth it only where it may be too long.
  if (most > limit) {
    const actual = encoded.flatMap(({ events }) => events).reduce((bytes, event) => bytes + sizeOf(event), 0);
    if (actual > limit) throw new AppendTooLargeError({ unit: "bytes", limit, actual });
  }
  return encoded;
}
