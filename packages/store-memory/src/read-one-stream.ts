import type { ReadStreamOptions, RecordedEvent } from "@es/core";
import { prepareStreamRead } from "@es/core/adapter";
import { type EventLog, type LogEntry, toRecordedEvent } from "./event-log.ts";

/** The pages of one stream. Events appended after the read began are not part of it. */
export async function* readOneStream(
  log: EventLog,
  streamId: string,
  options: ReadStreamOptions | undefined,
  assertUsable: (call: ReadStreamOptions | undefined) => void,
): AsyncGenerator<readonly RecordedEvent[], void, undefined> {
  assertUsable(options);
  const read = prepareStreamRead(streamId, options);
  const stream = log.stream(streamId);
  const low = Math.max(read.from, 1);
  const high = Math.min(read.to, stream.length);
  const count = Math.min(Math.max(high - low + 1, 0), read.limit);

  for (let done = 0; done < count; ) {
    if (done > 0) assertUsable(options);
    const size = Math.min(read.pageSize, count - done);
    // An index is the version minus one. A backward page is taken in stream order and then turned round.
    const start = read.isBackward ? high - done - size : low - 1 + done;
    const page = stream.slice(start, start + size).map((entry: LogEntry) => toRecordedEvent(entry));
    yield read.isBackward ? page.reverse() : page;
    done += size;
  }
}
