import { meetsExpectedVersion } from "@es/core/adapter";
import type { CallLimit } from "./call-limit.ts";
import type { EncodedWrite } from "./encoded-append.ts";
import { type KnownStreams, NO_STREAM, type StreamEnd } from "./known-streams.ts";
import type { LogSource } from "./log-source.ts";

/** A write with the end of its stream that it builds on. */
export interface Place {
  readonly write: EncodedWrite;
  readonly end: StreamEnd;
}

/** What finding places needs. */
export interface PlaceTools {
  readonly source: LogSource;
  readonly known: KnownStreams;
}

/** Whether the stream is not as the write expects it. */
export function isRefused({ write, end }: Place): boolean {
  return !meetsExpectedVersion(write.expected, end.version);
}

/** The ends of the streams as far as they are known; a new stream needs no look. */
export async function knownPlaces(
  tools: PlaceTools,
  writes: readonly EncodedWrite[],
  call: CallLimit,
): Promise<readonly Place[]> {
  const { known, source } = tools;
  await source.check.assertSame(call);
  return await Promise.all(
    writes.map(async (write) => {
      const { streamId, expected } = write;
      const isNew = expected === 0 || expected === "no-stream";
      return { write, end: known.get(streamId) ?? (isNew ? NO_STREAM : await lookAt(tools, streamId, call)) };
    }),
  );
}

/** The ends of the streams as the server has them. */
export async function currentPlaces(
  tools: PlaceTools,
  writes: readonly EncodedWrite[],
  call: CallLimit,
): Promise<readonly Place[]> {
  return await Promise.all(writes.map(async (write) => ({ write, end: await lookAt(tools, write.streamId, call) })));
}

async function lookAt({ source, known }: PlaceTools, streamId: string, call: CallLimit): Promise<StreamEnd> {
  const last = await source.last(streamId, call);
  const end = last === undefined ? NO_STREAM : { sequence: last.sequence, version: last.base + last.count };
  // What was known may be of a log that was replaced.
  known.forget(streamId);
  known.learn(streamId, end);
  return end;
}
