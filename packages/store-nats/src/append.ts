import { type AppendResult, StoreUnavailableError } from "@es/core";
import type { StreamTurns } from "@es/core/adapter";
import { AppendAttempts, type AttemptTools } from "./append-attempts.ts";
import type { EncodedAppend } from "./encoded-append.ts";
import { toStoreError } from "./store-error.ts";

/** What appending needs. */
export interface AppendTools extends AttemptTools {
  readonly turns: StreamTurns;
}

/** Appends, one at a time to each stream. */
export class Appender {
  readonly #tools: AppendTools;

  constructor(tools: AppendTools) {
    this.#tools = tools;
  }

  async append(append: EncodedAppend, signal: AbortSignal | undefined): Promise<AppendResult> {
    const { source, turns } = this.#tools;
    const call = source.limit(signal);
    const { turn, leave } = turns.queue(append.writes.map(({ streamId }) => streamId));
    try {
      if (turn !== undefined) await source.link.within(turn, call, () => waitedInVain());
      return await new AppendAttempts(this.#tools, append, call).run();
    } catch (error) {
      throw toStoreError(error, "appending");
    } finally {
      leave();
    }
  }
}

function waitedInVain(): StoreUnavailableError {
  return new StoreUnavailableError(
    "earlier appends of this process to the same stream took too long, and this one was not begun; try again",
  );
}
