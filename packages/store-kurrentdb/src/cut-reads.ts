import type { CallLimit, ClientHolder } from "./client-holder.ts";
import { FIRST_PAUSE_MS, LONGEST_PAUSE_MS } from "./limits.ts";
import { ServerFailure } from "./server-failure.ts";

/**
 * Keeps a read going whose answers end too early, but not for ever.
 *
 * The client ends a read without an error when the answer was broken off in one of several ways: by a proxy that resets it without
 * giving a reason, or with its connection, before the first event. So an answer with fewer events than were asked for is only believed
 * when something else says that there are no more ([decision 27](../../../docs/adr/0027-kurrentdb-short-reads-are-proven.md)).
 */
export class CutReads {
  readonly #holder: ClientHolder;
  readonly #limit: () => CallLimit;
  #call: CallLimit | undefined;
  #pauseMs = FIRST_PAUSE_MS;

  /** @param limit - how long to go on without getting further, counted from the first answer that was cut short */
  constructor(holder: ClientHolder, limit: () => CallLimit) {
    this.#holder = holder;
    this.#limit = limit;
  }

  /** The read has got further. */
  moved(): void {
    this.#call = undefined;
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  /** Resolves when it is time to ask again. @throws ServerFailure when that has been done for long enough */
  async again(): Promise<void> {
    const call = (this.#call ??= this.#limit());
    if (performance.now() + this.#pauseMs >= call.deadline) throw cutShort();
    await this.#holder.pause(this.#pauseMs, call);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

function cutShort(): ServerFailure {
  return new ServerFailure(
    "lost",
    "its answers to a read end before the last event, as if a proxy between client and server broke them off",
  );
}
