import { type EventStore, type Position, START } from "@es/core";
import type { StartPosition } from "../definition/projection.ts";

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
