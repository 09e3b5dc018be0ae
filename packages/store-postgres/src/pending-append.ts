import { AbortedError, type AppendResult } from "@es/core";
import type { Claims } from "./claims.ts";
import type { EncodedAppend } from "@es/core/adapter";
import { now } from "./time-limit.ts";

/** An append that waits for its turn, or is under way. */
export class PendingAppend {
  readonly append: EncodedAppend;
  readonly claims: Claims;
  readonly deadline: number;
  /** When its caller asked for it. */
  readonly arrivedAt: number = now();
  /** Settles with the outcome. */
  readonly promise: Promise<AppendResult>;
  /** Whether it must not share a statement, because it was part of one that failed. */
  isAlone = false;
  readonly #settled = Promise.withResolvers<AppendResult>();
  #signal: AbortSignal | undefined;
  #forget = (): void => undefined;

  constructor(append: EncodedAppend, claims: Claims, deadline: number) {
    this.append = append;
    this.claims = claims;
    this.deadline = deadline;
    this.promise = this.#settled.promise;
  }

  /** Has an abort end the append, as long as `leave` says that it had not begun. */
  heed(signal: AbortSignal | undefined, leave: () => boolean): void {
    if (signal === undefined) return;
    this.#signal = signal;
    const onAbort = (): void => {
      if (leave()) this.abort();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    this.#forget = () => signal.removeEventListener("abort", onAbort);
  }

  /** Whether the caller wants it no more. An append that is under way is settled first. */
  get isAborted(): boolean {
    return this.#signal?.aborted ?? false;
  }

  abort(): void {
    this.fail(new AbortedError("the call was aborted; nothing was written", { cause: this.#signal?.reason }));
  }

  resolve(result: AppendResult): void {
    this.#forget();
    this.#settled.resolve(result);
  }

  fail(error: Error): void {
    this.#forget();
    this.#settled.reject(error);
  }
}
