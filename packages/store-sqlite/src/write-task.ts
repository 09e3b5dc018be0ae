import { AbortedError, EventSourcingError } from "@es/core";

/** Work for one turn of the writer. */
export interface WriteTask<Result> {
  /** Events that it writes, about; bounds the transaction that it shares. */
  readonly events: number;
  /** Bytes that it writes, about. */
  readonly bytes: number;
  /** Runs in an open transaction. Throws an error of the toolkit to refuse, having written nothing. */
  run(): Result;
  /** A cheaper form that is its own transaction. `undefined`: it does not apply, nothing was written. */
  runBare?(): Result | undefined;
  /** Whether what `result` says stands in the store. Asked when a commit failed in a way that leaves it open. */
  isStored(result: Result): boolean;
  /** Whether `isStored` then tells that this very transaction was committed, and not an earlier one. */
  isProof(result: Result): boolean;
  /** Called once the result is committed. */
  onCommitted?(result: Result): void;
}

/** Something that waits in the writer's line. */
export interface Waiting {
  readonly deadline: number;
  fail(error: Error): void;
}

/** A task that waits for its turn, with its result type forgotten. */
export interface PendingWrite extends Waiting {
  readonly events: number;
  readonly bytes: number;
  /** Whether it must not share a transaction, because it was part of one that failed. */
  isAlone: boolean;
  /** Runs and remembers the outcome. Throws what is not a refusal. */
  run(): void;
  /** Whether the bare form applied and was committed. */
  runBare(): boolean;
  isStored(): boolean;
  isProof(): boolean;
  /** Reports the remembered outcome. */
  settle(): void;
}

/** Work that awaits while the transaction stays open. */
export interface PendingTransaction extends Waiting {
  start(): void;
}

/** A promise and what settles it. */
export interface Settled<Result> {
  readonly promise: Promise<Result>;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** A promise that a waiting thing settles, and that an abort rejects as long as `leaveLine` says it had not begun. */
export function awaited<Result>(signal: AbortSignal | undefined, leaveLine: () => boolean): Settled<Result> {
  const settled = Promise.withResolvers<Result>();
  if (signal === undefined) return settled;
  const { promise, resolve, reject } = settled;
  const onAbort = (): void => {
    if (!leaveLine()) return;
    reject(new AbortedError("the call was aborted before its turn; nothing was written", { cause: signal.reason }));
  };
  signal.addEventListener("abort", onAbort, { once: true });
  const forget = (): void => signal.removeEventListener("abort", onAbort);
  return {
    promise,
    resolve(result) {
      forget();
      resolve(result);
    },
    reject(error) {
      forget();
      reject(error);
    },
  };
}

/** A task that waits for its turn. `settled` gets the outcome once the task's transaction has ended. */
export class WaitingTask<Result> implements PendingWrite {
  readonly events: number;
  readonly bytes: number;
  readonly deadline: number;
  isAlone = false;
  readonly #task: WriteTask<Result>;
  readonly #settled: Settled<Result>;
  #outcome: { readonly result: Result } | { readonly refusal: Error } | undefined;

  constructor(task: WriteTask<Result>, deadline: number, settled: Settled<Result>) {
    this.events = task.events;
    this.bytes = task.bytes;
    this.deadline = deadline;
    this.#task = task;
    this.#settled = settled;
  }

  run(): void {
    try {
      this.#outcome = { result: this.#task.run() };
    } catch (error) {
      if (!(error instanceof EventSourcingError)) throw error;
      this.#outcome = { refusal: error };
    }
  }

  runBare(): boolean {
    const result = this.#task.runBare?.();
    if (result === undefined) return false;
    this.#outcome = { result };
    return true;
  }

  isStored(): boolean {
    return this.#outcome !== undefined && "result" in this.#outcome && this.#task.isStored(this.#outcome.result);
  }

  isProof(): boolean {
    return this.#outcome !== undefined && "result" in this.#outcome && this.#task.isProof(this.#outcome.result);
  }

  settle(): void {
    if (this.#outcome === undefined) return;
    if ("refusal" in this.#outcome) {
      this.#settled.reject(this.#outcome.refusal);
      return;
    }
    this.#task.onCommitted?.(this.#outcome.result);
    this.#settled.resolve(this.#outcome.result);
  }

  fail(error: Error): void {
    this.#settled.reject(error);
  }
}
