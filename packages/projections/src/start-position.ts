import { ConfigurationError, type EventStore, type Position, START } from "@es/core";
import type { StartPosition } from "./projection.ts";

/** @throws ConfigurationError when that is nowhere: nothing would ever be handled */
export function assertStart(name: string, from: StartPosition): void {
  if (from === "beginning" || from === "now") return;
  const isPosition = "after" in from && typeof from.after === "string";
  const isTime = "time" in from && from.time instanceof Date && !Number.isNaN(from.time.getTime());
  if (isPosition || isTime) return;
  throw new ConfigurationError(
    `projection ${JSON.stringify(name)} is to begin nowhere: "from" must be "beginning", "now", { after: position } or { time } with a valid Date`,
  );
}

/** The position behind which a projection without a checkpoint begins. */
export async function resolveStart(
  store: EventStore<unknown>,
  from: StartPosition,
  signal: AbortSignal,
): Promise<Position> {
  if (from === "beginning") return START;
  if (from === "now") return store.head({ signal });
  if ("after" in from) return from.after;
  const time = from.time.getTime();
  let before = START;
  for await (const page of store.readAll({ signal })) {
    for (const event of page.events) {
      if (event.recordedAt >= time) return before;
      before = event.position;
    }
    before = page.next;
  }
  return before;
}
