import { authorizationOf, needsLeader } from "./access.ts";
import { type EventFilter, toEventFilter } from "./event-filter.ts";
import type { LoggedEvent } from "./event-log.ts";
import { isNoPlace, readOfNoPlace } from "./log-place.ts";
import { type Failure, streamDeleted, toServiceError } from "./failures.ts";
import type { AllSourceMessage, ReadOptionsMessage, ReadResponse, StreamSourceMessage } from "./messages.ts";
import type { MisbehavingCall } from "./misbehaviour.ts";
import { type Backend, perform } from "./perform.ts";
import { drained, type ReadCall } from "./read-call.ts";
import { toReadEvent } from "./resolve-link.ts";
import { serveSubscription } from "./serve-subscription.ts";
import { isSoftDeleted, visibleEvents } from "./stream-view.ts";
import { fromStreamName, toStreamName } from "./wire-values.ts";

/** What a read gives: events and a last message, or a failure. */
type Selection =
  | { readonly events: readonly LoggedEvent[]; readonly closing?: ReadResponse }
  | { readonly failure: Failure };

const BACKWARDS = 1;

/** One call serves reads and subscriptions, of a stream and of all events. */
export function serveRead(backend: Backend, call: ReadCall): void {
  const options = call.request.options ?? {};
  const isSubscription = options.amount === "subscription";
  const control: MisbehavingCall = {
    operation: isSubscription ? "subscribe" : "read",
    streams: options.source === "stream" ? [toStreamName(options.stream?.stream)] : [],
    authorization: authorizationOf(call.metadata),
    needsLeader: needsLeader(call.metadata),
    drop: () => backend.dropPeer(call.getPeer()),
    end: () => call.end(),
    fail: (failure) => void call.emit("error", toServiceError(failure)),
  };
  call.on("error", () => {});
  backend.noteCall("Read", control);
  if (isSubscription) serveSubscription(backend, call, control, options);
  else
    void perform(
      backend,
      control,
      () => select(backend, options),
      (selection) => void send(backend, call, control, selection),
    );
}

function select(backend: Backend, options: ReadOptionsMessage): Selection {
  const isBackwards = options.direction === BACKWARDS;
  const count = Number(options.count ?? "0");
  if (options.source !== "stream") {
    if (isNoPlace(backend.log, options.all)) return { failure: readOfNoPlace() };
    return { events: fromAll(backend, options.all, isBackwards, { count, filter: toEventFilter(options.filter) }) };
  }
  return selectOfStream(backend, options, isBackwards, count);
}

function selectOfStream(backend: Backend, options: ReadOptionsMessage, isBackwards: boolean, count: number): Selection {
  const { log, now } = backend;
  const streamName = toStreamName(options.stream?.stream);
  if (log.isTombstoned(streamName)) return { failure: streamDeleted(streamName) };
  const last = log.lastRevision(streamName);
  if (last < 0n || isSoftDeleted(log, streamName)) {
    return { events: [], closing: { stream_not_found: { stream: fromStreamName(streamName) } } };
  }
  const events = fromRevision(visibleEvents(log, streamName, now()), options.stream, isBackwards).slice(0, count);
  const knowsPositions = (options.control?.compatibility ?? 0) >= 1;
  return knowsPositions ? { events, closing: { last_stream_position: String(last) } } : { events };
}

/** Revisions are inclusive, in both directions. */
function fromRevision(
  events: readonly LoggedEvent[],
  source: StreamSourceMessage | undefined,
  isBackwards: boolean,
): readonly LoggedEvent[] {
  const ordered = isBackwards ? events.toReversed() : events;
  if (source?.from === "start") return isBackwards ? ordered.slice(-1).filter((e) => e.revision === 0n) : ordered;
  if (source?.from === "end") return isBackwards ? ordered : [];
  const revision = BigInt(source?.revision ?? "0");
  return ordered.filter((event) => (isBackwards ? event.revision <= revision : event.revision >= revision));
}

/** Positions are inclusive forwards and exclusive backwards. A real server seeks, so this looks at no more than it gives. */
function fromAll(
  { log: { events }, noteLooks }: Backend,
  source: AllSourceMessage | undefined,
  isBackwards: boolean,
  { count, filter }: { readonly count: number; readonly filter: EventFilter },
): readonly LoggedEvent[] {
  const found: LoggedEvent[] = [];
  const place = placeInLog(events, source);
  for (let index = isBackwards ? place - 1 : place; found.length < count; index += isBackwards ? -1 : 1) {
    const event = events[index];
    if (event === undefined) break;
    noteLooks(1);
    if (filter(event)) found.push(event);
  }
  return found;
}

/** How many events are before the place that a client named. */
function placeInLog(events: readonly LoggedEvent[], source: AllSourceMessage | undefined): number {
  if (source?.from === "start") return 0;
  if (source?.from === "end") return events.length;
  const position = BigInt(source?.position?.commit ?? "0");
  let low = 0;
  for (let high = events.length; low < high; ) {
    const middle = Math.floor((low + high) / 2);
    if ((events[middle]?.position ?? position) < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function send(backend: Backend, call: ReadCall, control: MisbehavingCall, selection: Selection): Promise<void> {
  if ("failure" in selection) return control.fail(selection.failure);
  const { options = {} } = call.request;
  for (const [index, event] of selection.events.entries()) {
    const interference = backend.faults.meetAfterEvents(control, index);
    if (interference !== undefined && !(await interference)) return;
    if (call.cancelled) return;
    if (!call.write(toReadEvent(backend.log, event, options))) await drained(call);
  }
  const interference = backend.faults.meetAfterEvents(control, selection.events.length);
  if (interference !== undefined && !(await interference)) return;
  if (selection.closing !== undefined) call.write(selection.closing);
  call.end();
}
