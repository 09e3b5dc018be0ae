import type { Page, ReadAllOptions, RecordedEvent } from "@es/core";
import { formatPosition, matchesQueries, prepareLogRead, type WakeUp } from "@es/core/adapter";
import { sequenceWithin } from "./condition.ts";
import { type EventLog, toRecordedEvent } from "./event-log.ts";

/** Most entries that one page looks at, so that a filter that matches little still reports progress. */
const MAX_SCANNED_PER_PAGE = 5_000;
/** Entries looked at before other work of the process gets a turn; promises alone would never let it. */
const MAX_SCANNED_PER_TURN = 20_000;

/** The pages of the whole log, and with `live` the ones still to come. */
export async function* readLog(
  log: EventLog,
  options: ReadAllOptions | undefined,
  wakeUp: WakeUp,
  assertUsable: (call: ReadAllOptions | undefined) => void,
): AsyncGenerator<Page, void, undefined> {
  assertUsable(options);
  const read = prepareLogRead(options);
  let next = sequenceWithin(log, read.after);
  let remaining = read.limit;
  let scannedThisTurn = 0;

  while (remaining > 0) {
    const { epoch } = wakeUp;
    const start = next;
    const scanEnd = Math.min(log.length, start + MAX_SCANNED_PER_PAGE);
    const size = Math.min(read.pageSize, remaining);
    const events: RecordedEvent[] = [];
    while (next < scanEnd && events.length < size) {
      const entry = log.at(next);
      next += 1;
      if (entry !== undefined && matchesQueries(entry, read.queries)) events.push(toRecordedEvent(entry));
    }
    remaining -= events.length;
    const isCaughtUp = next === log.length;

    yield { events, next: formatPosition(next), isCaughtUp };

    if (remaining === 0 || (isCaughtUp && !read.isLive)) return;
    assertUsable(options);
    if (isCaughtUp) {
      await wakeUp.wait(epoch, read.signal);
      assertUsable(options);
      scannedThisTurn = 0;
    } else {
      scannedThisTurn += next - start;
      if (scannedThisTurn >= MAX_SCANNED_PER_TURN) {
        await nextTurn();
        assertUsable(options);
        scannedThisTurn = 0;
      }
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
