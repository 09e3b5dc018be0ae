import type { EventQuery, EventStore, RecordedEvent } from "@es/core";
import { allEvents } from "@es/core";
import { atLeastOnce, type HandlerContext, type Projection, type RunnerReport, type StartPosition } from "../index.ts";

/** How an event is noted: its stream and version say which one it is, and show a hole, a double or a wrong order. */
export function noteOf({ streamId, version }: Pick<RecordedEvent, "streamId" | "version">): string {
  return `${streamId}@${version}`;
}

/** What {@link Notes} takes. */
export interface NotesOptions {
  /** @defaultValue `"notes"` */
  readonly name?: string;
  readonly filter?: EventQuery;
  readonly from?: StartPosition;
  /** Called before an event is noted. What it throws, the handler throws. */
  readonly onEvent?: (event: RecordedEvent, context: HandlerContext) => void | Promise<void>;
  /** Handles a page as a whole, so that a failure does not say which event it was. @defaultValue false */
  readonly isBatch?: boolean;
}

/** A projection that notes what it is given, and what its runner reports. */
export class Notes {
  /** What was handled, in order. */
  readonly seen: string[] = [];
  readonly reports: RunnerReport[] = [];
  readonly projection: Projection;

  constructor({ name = "notes", filter, from = "beginning", onEvent, isBatch = false }: NotesOptions = {}) {
    this.projection = {
      name,
      delivery: atLeastOnce,
      filter,
      from,
      isSingle: !isBatch,
      apply: async (events, context, progress) => {
        if (isBatch) {
          for (const event of events) await onEvent?.(event, context);
          this.seen.push(...events.map(noteOf));
          progress.handled = events.length;
          return;
        }
        for (const event of events) {
          await onEvent?.(event, context);
          this.seen.push(noteOf(event));
          progress.handled += 1;
        }
      },
    };
  }

  /** For the option `onReport`. */
  readonly onReport = (report: RunnerReport): void => {
    this.reports.push(report);
  };

  /** How often something of this kind was reported. */
  count(kind: RunnerReport["kind"]): number {
    return this.reports.filter((report) => report.kind === kind).length;
  }
}

/** The log as it would be noted. */
export async function notesOfLog(store: EventStore<unknown>): Promise<readonly string[]> {
  const notes: string[] = [];
  for await (const event of allEvents(store)) notes.push(noteOf(event));
  return notes;
}

/** Appends events one by one, each in an append of its own, and returns the position of the last. */
export async function append(
  store: EventStore<unknown>,
  streamId: string,
  count = 1,
  type = "Happened",
): Promise<string> {
  let position = "";
  for (let n = 1; n <= count; n += 1) {
    ({ position } = await store.append({ streamId, expected: "any", events: [{ type, data: { n } }] }));
  }
  return position;
}

/** Appends events together. */
export async function appendTogether(store: EventStore<unknown>, streamId: string, count: number): Promise<string> {
  const events = Array.from({ length: count }, (_, n) => ({ type: "Happened", data: { n: n + 1 } }));
  const { position } = await store.append({ streamId, expected: "any", events });
  return position;
}
