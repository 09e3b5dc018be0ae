import type { CallLimit } from "./client-holder.ts";
import type { IncomingEvent, ServerFilter } from "./kurrent-client.ts";
import { isBehind, type LogPosition } from "./positions.ts";
import type { ServerReader, StreamRange } from "./server-reader.ts";
import { firstOfSubscription, scanBySubscription } from "./subscription-scan.ts";

/** Whether a read of a stream that gave fewer events than were asked for has given all there are. */
export async function isWhole(
  reader: ServerReader,
  stream: string,
  { from, isBackward }: StreamRange,
  events: readonly IncomingEvent[],
  call: CallLimit,
): Promise<boolean> {
  const last = events.at(-1);
  if (isBackward && last?.revision === 0n) return true;
  // What is asked for now is one event that must be there, so an answer without any is no answer.
  const range = isBackward ? ({ from: "start" } as const) : ({ from: "end" } as const);
  const [edge] = await reader.askStream(stream, { ...range, isBackward: !isBackward, count: 1 }, call);
  if (edge === undefined) return last === undefined && (await isEmpty(reader, stream, call));
  if (last !== undefined) return isBackward ? edge.revision >= last.revision : edge.revision <= last.revision;
  return typeof from === "bigint" && (isBackward ? edge.revision > from : edge.revision < from);
}

/** The first event of the log behind a place that a filter lets through. A subscription finds it, whose end the client does tell. */
export async function firstBehind(
  reader: ServerReader,
  place: LogPosition | undefined,
  filter: ServerFilter,
  call: CallLimit,
): Promise<IncomingEvent | undefined> {
  for (let from = place; ; ) {
    const { events, reached, isEnd } = await reader.untilAnswered(call, (client, progress) =>
      scanBySubscription(client, { from: from ?? "start", filter, count: 1 }, progress),
    );
    const [first] = events;
    if (first !== undefined || isEnd) return first;
    if (reached !== undefined && isBehind(reached, from)) from = reached;
  }
}

/** Whether a stream that there is has no event that one may see. */
async function isEmpty(reader: ServerReader, stream: string, call: CallLimit): Promise<boolean> {
  const first = await reader.untilAnswered(call, (client, progress) =>
    firstOfSubscription(client.subscribeToStream(stream, { fromRevision: "start" }), progress),
  );
  return first === undefined;
}
