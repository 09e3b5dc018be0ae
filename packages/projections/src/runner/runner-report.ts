import type { Position, RecordedEvent } from "@es/core";

/** What a runner tells while it runs. */
export type RunnerReport =
  /** It checked its checkpoint and begins to read. */
  | { readonly kind: "started"; readonly position: Position }
  /** A stretch of the log is done. Its checkpoint is stored, or will be soon. */
  | { readonly kind: "progress"; readonly position: Position; readonly events: number }
  /** It reached the head. Told once, and again after it had fallen behind by more than a page. */
  | { readonly kind: "caught-up"; readonly position: Position }
  /** It takes no further page. */
  | { readonly kind: "paused"; readonly position: Position }
  /** It goes on. */
  | { readonly kind: "resumed"; readonly position: Position }
  /** Something failed and is tried again after a while: a handler (then with its event), the store or the sink. */
  | {
      readonly kind: "retrying";
      readonly error: unknown;
      readonly attempt: number;
      readonly delayMs: number;
      readonly event?: RecordedEvent;
    }
  /** A handler failed too often, and the event was passed over for good. */
  | { readonly kind: "skipped"; readonly event: RecordedEvent; readonly error: unknown; readonly attempts: number }
  /** A handler failed too often, and the event's stream is held back from it on. */
  | { readonly kind: "parked"; readonly event: RecordedEvent; readonly error: unknown; readonly attempts: number }
  /** What was held back of a stream was handled. */
  | { readonly kind: "replayed"; readonly streamId: string; readonly events: number }
  /** It gave up. */
  | { readonly kind: "failed"; readonly error: unknown; readonly position: Position }
  /** It was stopped. */
  | { readonly kind: "stopped"; readonly position: Position };

/** Passes reports on. What the listener throws is ignored: it must not look like a failure of the projection. */
export function quietly(listener: ((report: RunnerReport) => void) | undefined): (report: RunnerReport) => void {
  return (report) => {
    try {
      listener?.(report);
    } catch {
      // There is nobody left to tell.
    }
  };
}
