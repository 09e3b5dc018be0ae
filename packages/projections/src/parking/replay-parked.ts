import type { RecordedEvent } from "@es/core";
import { matchesQueries, queriesOf, throwIfAborted } from "@es/core/adapter";
import { HandlerFailedError } from "../errors/errors.ts";
import type { Committer, CommitterParts } from "../runner/committer.ts";
import { withFailedReplay, withReplayed } from "./parked.ts";

/**
 * Handles the events of a parked stream in their order, each as often as it may. The list gets shorter with each one, so a
 * replay that was cut off goes on where it was.
 *
 * @returns how many events were handled; 0 when the stream is not parked
 * @throws HandlerFailedError when one fails again; it and the later ones stay parked
 * @throws AbortedError when the runner is stopped; the later ones stay parked
 */
export async function replayParked(streamId: string, parts: CommitterParts, committer: Committer): Promise<number> {
  const stream = committer.checkpoint.parked.find((other) => other.streamId === streamId);
  if (stream === undefined) return 0;
  const { store, report } = parts.settings;
  const queries = queriesOf(parts.projection.filter);
  const call = { from: stream.firstVersion, to: stream.lastVersion, signal: parts.stopping };
  let handled = 0;
  /** The event to handle. It waits for the next one, because the list must name that. */
  let current: RecordedEvent | undefined;

  const handle = async (event: RecordedEvent, next: RecordedEvent | undefined): Promise<void> => {
    throwIfAborted(parts.stopping);
    const { checkpoint } = committer;
    const parked = withReplayed(checkpoint.parked, streamId, next);
    try {
      await committer.commitOne(event, { ...checkpoint, events: checkpoint.events + 1, parked });
    } catch (error) {
      if (error instanceof HandlerFailedError) {
        const failed = withFailedReplay(checkpoint.parked, streamId, error.cause, error.attempts);
        await committer.commit([], { ...checkpoint, parked: failed });
      }
      throw error;
    }
    handled += 1;
  };

  for await (const page of store.readStream(streamId, call)) {
    for (const event of page) {
      if (!matchesQueries(event, queries)) continue;
      if (current !== undefined) await handle(current, event);
      current = event;
    }
  }
  if (current !== undefined) await handle(current, undefined);
  report({ kind: "replayed", streamId, events: handled });
  return handled;
}

/** Takes a stream off the list without handling its events. @returns how many that were */
export async function discardParked(streamId: string, committer: Committer): Promise<number> {
  const { checkpoint } = committer;
  const stream = checkpoint.parked.find((other) => other.streamId === streamId);
  if (stream === undefined) return 0;
  await committer.commit([], { ...checkpoint, parked: withReplayed(checkpoint.parked, streamId, undefined) });
  return stream.events;
}
