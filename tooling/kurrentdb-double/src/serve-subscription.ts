import { checkpointInterval, toEventFilter } from "./event-filter.ts";
import { LAST_REVISION, type LoggedEvent } from "./event-log.ts";
import { streamDeleted } from "./failures.ts";
import { isNoPlace, subscriptionToNoPlace } from "./log-place.ts";
import type { ProgressMessage, ReadOptionsMessage } from "./messages.ts";
import type { MisbehavingCall } from "./misbehaviour.ts";
import { type Backend, perform } from "./perform.ts";
import { drained, type ReadCall } from "./read-call.ts";
import { toReadEvent } from "./resolve-link.ts";
import { visibleEvents } from "./stream-view.ts";
import { fromPosition, toStreamName } from "./wire-values.ts";

/** What a subscription is about: which events of the log it starts after, and which of them it sends. */
interface Subject {
  readonly streamName: string | undefined;
  readonly startsAfter: (event: LoggedEvent) => boolean;
  readonly wants: (event: LoggedEvent) => boolean;
  readonly checkpointEvery: number | undefined;
}

/** Sends history and then what is written, over the same cursor, so that nothing can fall between the two. */
export function serveSubscription(
  backend: Backend,
  call: ReadCall,
  control: MisbehavingCall,
  options: ReadOptionsMessage,
): void {
  const work = () => toSubject(backend, options);
  void perform(backend, control, work, (subject) => {
    const { streamName } = subject;
    if (streamName !== undefined && backend.log.isTombstoned(streamName)) control.fail(streamDeleted(streamName));
    else follow(backend, call, control, subject);
  });
}

function follow(backend: Backend, call: ReadCall, control: MisbehavingCall, subject: Subject): void {
  const wake = listen(backend, call, subject);
  call.write({ confirmation: { subscription_id: crypto.randomUUID() } });
  const { all, source } = call.request.options ?? {};
  if (source !== "stream" && isNoPlace(backend.log, all)) return control.fail(subscriptionToNoPlace());
  void pump(backend, call, control, subject, wake);
}

/** A bell that rings when something was written, or when the call is over. */
interface Bell {
  isOver: boolean;
  next: PromiseWithResolvers<void>;
}

function listen(backend: Backend, call: ReadCall, subject: Subject): Bell {
  const bell: Bell = { isOver: false, next: Promise.withResolvers<void>() };
  const endNote = backend.noteSubscription(subject.streamName);
  const unlisten = backend.log.onWrite(() => bell.next.resolve());
  const end = () => {
    if (bell.isOver) return;
    bell.isOver = true;
    unlisten();
    endNote();
    bell.next.resolve();
  };
  for (const event of ["cancelled", "close", "finish", "error"]) call.once(event, end);
  if (call.cancelled) end();
  return bell;
}

async function pump(backend: Backend, call: ReadCall, control: MisbehavingCall, subject: Subject, bell: Bell) {
  const sender = createSender(backend, call, control, subject, bell);
  const { events } = backend.log;
  let next = 0;
  let isLive = false;
  while (!bell.isOver) {
    // Before the events are looked at, so that none can come unnoticed.
    bell.next = Promise.withResolvers<void>();
    while (next < backend.received()) {
      const event = events[next];
      next += 1;
      if (event !== undefined && !(await sender.consider(event, isLive))) return;
    }
    if (!isLive) {
      isLive = true;
      sender.catchUp();
    }
    await bell.next.promise;
  }
}

function createSender(backend: Backend, call: ReadCall, control: MisbehavingCall, subject: Subject, bell: Bell) {
  const { checkpointEvery, streamName } = subject;
  let sent = 0;
  let considered = 0;
  let last: LoggedEvent | undefined;
  let checkpointed: LoggedEvent | undefined;

  function checkpoint(): void {
    if (last === undefined || last === checkpointed) return;
    checkpointed = last;
    call.write({ checkpoint: { ...fromPosition(last.position), timestamp: toTimestamp(backend.now()) } });
  }

  return {
    /** Sends the event if it is wanted. Says whether the subscription goes on. */
    async consider(event: LoggedEvent, isLive: boolean): Promise<boolean> {
      if (!isLive && !subject.startsAfter(event)) return true;
      if (event.streamName === streamName && event.revision === LAST_REVISION) {
        control.fail(streamDeleted(event.streamName));
        return false;
      }
      last = event;
      considered += 1;
      if (streamName === undefined) backend.noteLooks(1);
      if (subject.wants(event)) {
        const interference = backend.faults.meetAfterEvents(control, sent);
        if (interference !== undefined && !(await interference)) return false;
        sent += 1;
        const isTaken = call.write(toReadEvent(backend.log, event, call.request.options ?? {}));
        if (!isTaken && !bell.isOver) await drained(call);
      }
      if (checkpointEvery !== undefined && considered % checkpointEvery === 0) checkpoint();
      return !bell.isOver;
    },
    catchUp(): void {
      if (checkpointEvery !== undefined) checkpoint();
      call.write({ caught_up: backend.features.progress ? progressOf(backend, subject, last) : {} });
    },
  };
}

function toSubject(backend: Backend, options: ReadOptionsMessage): Subject {
  return options.source === "stream" ? streamSubject(backend, options) : allSubject(backend, options);
}

/** Positions to start from are exclusive. */
function allSubject({ log, received }: Backend, { all, selection, filter }: ReadOptionsMessage): Subject {
  const end = log.events[received() - 1]?.position ?? -1n;
  const position = all?.from === "position" ? BigInt(all.position?.commit ?? "0") : -1n;
  const after = all?.from === "end" ? end : position;
  return {
    streamName: undefined,
    startsAfter: (event) => event.position > after,
    wants: toEventFilter(filter),
    checkpointEvery: selection === "filter" && filter !== undefined ? checkpointInterval(filter) : undefined,
  };
}

/** A stream that does not exist yet is waited for. Limits of the stream hide history, never what is written from now on. */
function streamSubject({ log, now }: Backend, { stream }: ReadOptionsMessage): Subject {
  const streamName = toStreamName(stream?.stream);
  const revision = stream?.from === "revision" ? BigInt(stream.revision ?? "0") : -1n;
  const after = stream?.from === "end" ? log.lastRevision(streamName) : revision;
  const end = log.lastRevision(streamName);
  const visible = new Set(visibleEvents(log, streamName, now()).map((event) => event.revision));
  const isHidden = (event: LoggedEvent) => event.revision <= end && !visible.has(event.revision);
  return {
    streamName,
    startsAfter: (event) => event.streamName === streamName && event.revision > after && !isHidden(event),
    wants: (event) => event.streamName === streamName,
    checkpointEvery: undefined,
  };
}

function progressOf(backend: Backend, { streamName }: Subject, last: LoggedEvent | undefined): ProgressMessage {
  const timestamp = toTimestamp(backend.now());
  if (streamName !== undefined) return { timestamp, revision: String(backend.log.lastRevision(streamName)) };
  const position = last ?? backend.log.events.at(-1);
  return position === undefined ? { timestamp } : { timestamp, position: fromPosition(position.position) };
}

function toTimestamp(ms: number): { readonly seconds: string; readonly nanos: number } {
  return { seconds: String(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
}
