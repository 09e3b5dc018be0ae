import { type Page, type ReadAllOptions, StoreUnavailableError } from "@es/core";
import { delay } from "@es/core/adapter";
import { isConnectionLost, sqlStateOf } from "./driver-error.ts";

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/**
 * The pages of a read of the log. A live one outlasts the server: when it cannot be reached within the limit of a call, the read
 * goes on behind its last page as soon as it can, until it is aborted or the store is closed. Any other read ends with the error.
 */
export async function* outlastOutages(
  read: (options: ReadAllOptions) => AsyncGenerator<Page, void, undefined>,
  options: ReadAllOptions = {},
): AsyncGenerator<Page, void, undefined> {
  let { after, limit } = options;
  let isCaughtUp: boolean | undefined;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      const rest = {
        ...options,
        ...(after !== undefined && { after }),
        ...(limit !== undefined && { limit }),
      };
      for await (const page of read(rest)) {
        pauseMs = FIRST_PAUSE_MS;
        // A read that goes on begins with a page, also where there is nothing new to tell.
        if (page.next === after && page.isCaughtUp === isCaughtUp) continue;
        after = page.next;
        ({ isCaughtUp } = page);
        if (limit !== undefined) limit -= page.events.length;
        yield page;
      }
      return;
    } catch (error) {
      if (options.live !== true || !isOutage(error)) throw error;
    }
    await delay(pauseMs, options.signal);
  }
}

/** Whether the server may be back some time. A statement that takes too long is none, or a live read would try for ever. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof StoreUnavailableError)) return false;
  const { cause } = error;
  return cause === undefined || isConnectionLost(cause) || (sqlStateOf(cause) ?? "").startsWith("53");
}
