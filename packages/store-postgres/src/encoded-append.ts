import {
  type AppendCondition,
  AppendTooLargeError,
  type Capabilities,
  type EventQuery,
  type ExpectedVersion,
  type Write,
} from "@es/core";
import { parsePosition, prepareAppend, queriesOf } from "@es/core/adapter";

/** An event as its row will be. */
export interface EncodedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
  /** `null` when there is none: most events of some applications, and then neither stored nor parsed. */
  readonly metadata: string | null;
  readonly tags: readonly string[];
}

/** A write whose events are ready to be stored. */
export interface EncodedWrite {
  readonly streamId: string;
  readonly expected: ExpectedVersion;
  readonly events: readonly EncodedEvent[];
}

/** A checked condition. */
export interface EncodedCondition {
  readonly source: AppendCondition;
  readonly queries: readonly EventQuery[];
  readonly after: number;
}

/** An append that is checked and ready to be stored. */
export interface EncodedAppend {
  readonly writes: readonly EncodedWrite[];
  readonly condition: EncodedCondition | undefined;
  readonly events: number;
  readonly bytes: number;
}

/**
 * Checks an append and turns it into rows, outside of any transaction.
 *
 * @throws ConfigurationError, InvalidEventError, InvalidPositionError, AppendTooLargeError
 */
export function encodeAppend(
  writes: Write | readonly Write[],
  condition: AppendCondition | undefined,
  capabilities: Capabilities,
): EncodedAppend {
  let events = 0;
  let bytes = 0;
  const encoded = prepareAppend(writes, capabilities).map((write) => ({
    streamId: write.streamId,
    expected: write.expected,
    events: write.events.map(({ id, type, data, metadata, tags }) => {
      const dataText = JSON.stringify(data);
      const metadataText = JSON.stringify(metadata);
      events += 1;
      bytes += Buffer.byteLength(dataText) + Buffer.byteLength(metadataText);
      return { id, type, data: dataText, metadata: metadataText === "{}" ? null : metadataText, tags };
    }),
  }));
  const limit = capabilities.maxBytesPerAppend;
  if (bytes > limit) throw new AppendTooLargeError({ unit: "bytes", limit, actual: bytes });
  return { writes: encoded, condition: condition && encodeCondition(condition), events, bytes };
}

function encodeCondition(source: AppendCondition): EncodedCondition {
  return { source, queries: queriesOf(source.none) ?? [], after: parsePosition(source.after) };
}
