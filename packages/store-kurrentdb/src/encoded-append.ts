import { AppendTooLargeError, type Capabilities, type ExpectedVersion, type Write } from "@es/core";
import { prepareAppend } from "@es/core/adapter";
import { sizeOf, toOutgoing } from "./event-mapping.ts";
import type { OutgoingEvent } from "./kurrent-client.ts";

/** A write that is ready to be sent. */
export interface EncodedWrite {
  readonly streamId: string;
  readonly expected: ExpectedVersion;
  readonly events: readonly OutgoingEvent[];
}

/**
 * Checks an append and turns it into what the client takes.
 *
 * @throws ConfigurationError, InvalidEventError, UnsupportedError, AppendTooLargeError
 */
export function encodeAppend(writes: Write | readonly Write[], capabilities: Capabilities): readonly EncodedWrite[] {
  const recordedAt = new Date().toISOString();
  let actual = 0;
  const encoded = prepareAppend(writes, capabilities).map(({ streamId, expected, events }) => ({
    streamId,
    expected,
    events: events.map((event) => {
      const outgoing = toOutgoing(event, recordedAt);
      actual += sizeOf(outgoing);
      return outgoing;
    }),
  }));
  const limit = capabilities.maxBytesPerAppend;
  if (actual > limit) throw new AppendTooLargeError({ unit: "bytes", limit, actual });
  return encoded;
}
