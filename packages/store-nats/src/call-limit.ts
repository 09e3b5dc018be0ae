/** How long a call may take, and what may end it earlier. */
export interface CallLimit {
  /** Of `performance.now()`. */
  readonly deadline: number;
  /** Aborts the call. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the call goes on while the store is closed, because it must find out what it has done. */
  readonly mustSettle?: boolean;
}
