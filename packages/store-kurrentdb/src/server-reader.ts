import { type CallLimit, type ClientHolder, type Progress } from "./client-holder.ts";
import { CutReads } from "./cut-reads.ts";
import type { IncomingEvent, KurrentClient, ResolvedEvent, ServerFilter } from "./kurrent-client.ts";
import { FIRST_PAUSE_MS, LONGEST_PAUSE_MS, SILENCE_SHARE } from "./limits.ts";
import type { LogPosition } from "./positions.ts";
import { isWhole } from "./proof.ts";
import { isNoStream, type ServerFailure } from "./server-failure.ts";
import { isPassing } from "./store-error.ts";

/** What to read of a stream. */
export interface StreamRange {
  readonly from: bigint | "start" | "end";
  readonly isBackward: boolean;
  readonly count: number;
}

/** What to read of the log. */
export interface LogRange {
  readonly from: LogPosition | "start" | "end";
  readonly isBackward: boolean;
  readonly count: number;
  /** @defaultValue everything, the server's own events included */
  readonly filter?: ServerFilter;
  /** Whether the server may have to look at much before it has anything to say. */
  readonly isSparse?: boolean;
}

/** Reads from the server, again and again until there is an answer or the call's time is over. */
export class ServerReader {
  readonly holder: ClientHolder;
  readonly #timeoutMs: number;

  constructor(holder: ClientHolder, timeoutMs: number) {
    this.holder = holder;
    this.#timeoutMs = timeoutMs;
  }

  /** The limit of a call that begins now. */
  limit(signal: AbortSignal | undefined): CallLimit {
    return { deadline: performance.now() + this.#timeoutMs, signal };
  }

  /** The limit of a part of a call, which may be made in another way when this one takes too long. */
  brief(call: CallLimit): CallLimit {
    return { ...call, deadline: Math.min(call.deadline, performance.now() + this.#timeoutMs * SILENCE_SHARE) };
  }

  /** The events of a range of a stream; none when it is absent or was deleted. */
  async stream(stream: string, range: StreamRange, call: CallLimit): Promise<readonly IncomingEvent[]> {
    const cuts = new CutReads(this.holder, () => call);
    try {
      for (;;) {
        const events = await this.askStream(stream, range, call);
        if (events.length >= range.count || (await isWhole(this, stream, range, events, call))) return events;
        await cuts.again();
      }
    } catch (error) {
      if (isNoStream(error)) return [];
      throw error;
    }
  }

  /** The same by a single read, which may have been cut short. */
  async askStream(
    stream: string,
    { from, isBackward, count }: StreamRange,
    call: CallLimit,
  ): Promise<readonly IncomingEvent[]> {
    const direction = isBackward ? "backwards" : "forwards";
    const options = { direction, fromRevision: from, maxCount: count } as const;
    return await this.untilAnswered(call, (client, progress) => collect(client.readStream(stream, options), progress));
  }

  /** Some events of the log. When there are fewer than were asked for, the read may have been cut short. */
  async log(
    { from, isBackward, count, filter, isSparse }: LogRange,
    call: CallLimit,
  ): Promise<readonly IncomingEvent[]> {
    const options = {
      direction: isBackward ? "backwards" : "forwards",
      fromPosition: from,
      maxCount: count,
      ...(filter === undefined ? {} : { filter }),
    } as const;
    const silenceMs = isSparse === true ? this.#timeoutMs : undefined;
    return await this.untilAnswered(call, (client, progress) => collect(client.readAll(options), progress), silenceMs);
  }

  /** The newest event of the log, where there must be one. */
  async newest(filter: ServerFilter | undefined, call: CallLimit): Promise<IncomingEvent> {
    const cuts = new CutReads(this.holder, () => call);
    const range = { from: "end", isBackward: true, count: 1, ...(filter === undefined ? {} : { filter }) } as const;
    for (;;) {
      const [newest] = await this.log(range, call);
      if (newest !== undefined) return newest;
      await cuts.again();
    }
  }

  /** Makes a call that changes nothing, until it is answered. */
  async untilAnswered<Result>(
    call: CallLimit,
    work: (client: KurrentClient, progress: Progress) => Promise<Result>,
    silenceMs?: number,
  ): Promise<Result> {
    let told: ServerFailure | undefined;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        return await this.holder.attempt(call, work, silenceMs);
      } catch (error) {
        if (!isPassing(error)) throw error;
        // That the time was over says less than what went wrong before.
        if (error.cause !== undefined) told = error;
        if (performance.now() + pauseMs >= call.deadline) throw told ?? error;
        await this.holder.pause(pauseMs, call);
      }
    }
  }
}

async function collect(events: AsyncIterable<ResolvedEvent>, progress: Progress): Promise<readonly IncomingEvent[]> {
  const collected: IncomingEvent[] = [];
  for await (const { event } of events) {
    progress();
    if (event !== undefined) collected.push(event);
  }
  return collected;
}
