import { StoreClosedError } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import type { QueryRunner, TextRow } from "./query-runner.ts";
import type { Statement } from "./statement.ts";
import { unlessAborted } from "./time-limit.ts";

/** Reads for the callers of a store, until the store is closed. */
export class StoreReader {
  readonly #runner: QueryRunner;
  #isClosed = false;

  constructor(runner: QueryRunner) {
    this.#runner = runner;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** @throws StoreClosedError, AbortedError */
  assertUsable(signal: AbortSignal | undefined): void {
    if (this.#isClosed) throw new StoreClosedError();
    throwIfAborted(signal);
  }

  /** The rows of a statement that only reads. */
  async rows(
    statement: Statement,
    values: readonly unknown[],
    options: { readonly doing: string; readonly signal?: AbortSignal | undefined },
  ): Promise<readonly TextRow[]> {
    return this.guard(() => this.#runner.read(statement, values, options), options.signal);
  }

  /** What `work` resolves to, unless the store was closed before it or meanwhile. */
  async guard<Result>(work: () => Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
    this.assertUsable(signal);
    try {
      return await unlessAborted(work(), signal);
    } catch (error) {
      // Closing ends the connections that the statement needed.
      if (this.#isClosed) throw new StoreClosedError(undefined, { cause: error });
      throw error;
    } finally {
      this.assertUsable(signal);
    }
  }
}
