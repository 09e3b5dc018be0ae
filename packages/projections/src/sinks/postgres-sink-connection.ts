import { AbortedError, StoreUnavailableError } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import type { PostgresSinkClient, PostgresSinkPool } from "./postgres-sink-driver.ts";
import { isConnectionLost, toSinkError } from "./postgres-sink-error.ts";

/** A row of a statement of the sink: all its columns are texts. */
type TextRow = Readonly<Record<string, string | null>>;

/** A borrowed connection whose statements have a time limit. */
export class SinkConnection<Client extends PostgresSinkClient> {
  readonly client: Client;
  readonly #timeoutMs: number;
  #isLost = false;

  private constructor(client: Client, timeoutMs: number) {
    this.client = client;
    this.#timeoutMs = timeoutMs;
    // Without a listener the event would end the process.
    client.on("error", this.#onError);
  }

  readonly #onError = (): void => {
    this.#isLost = true;
  };

  /** Borrows a connection. @throws StoreUnavailableError, ConfigurationError, AbortedError */
  static async borrow<Client extends PostgresSinkClient>(
    pool: PostgresSinkPool<Client>,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<SinkConnection<Client>> {
    throwIfAborted(signal);
    const connecting = pool.connect();
    try {
      return new SinkConnection(await withinTime(connecting, timeoutMs, signal), timeoutMs);
    } catch (error) {
      // Should it come later after all, it goes straight back.
      connecting.then((client) => client.release()).catch(() => undefined);
      throw toSinkError(error, "connecting");
    }
  }

  /** Whether the connection was lost. What was not committed on it never will be. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Runs a statement of the sink. @throws the driver's error, or one that says that no answer came in time */
  async query(text: string, values?: unknown[]): Promise<readonly TextRow[]> {
    return (await this.#ask(text, values)).rows;
  }

  /** Commits. @returns whether; a transaction in which a statement has failed is rolled back instead */
  async commit(): Promise<boolean> {
    return (await this.#ask("COMMIT")).command === "COMMIT";
  }

  async #ask(text: string, values?: unknown[]): Promise<{ readonly command: string; readonly rows: TextRow[] }> {
    try {
      return await withinTime(this.client.query<TextRow>(text, values), this.#timeoutMs, undefined);
    } catch (error) {
      if (isConnectionLost(error) || error instanceof StoreUnavailableError) this.#isLost = true;
      throw error;
    }
  }

  /** Gives the connection back, or closes it when nobody knows what it is doing. */
  release(): void {
    if (!this.#isLost) this.client.removeListener("error", this.#onError);
    this.client.release(this.#isLost);
  }
}

/** What `work` resolves to, unless it takes too long or the signal aborts first. */
async function withinTime<Result>(
  work: Promise<Result>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new AbortedError("the operation was aborted", { cause: signal?.reason }));
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(
    () => reject(new StoreUnavailableError(`the sink's PostgreSQL database gave no answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  work.catch(() => undefined);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}
