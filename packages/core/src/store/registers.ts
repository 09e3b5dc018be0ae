/** The content of a register. */
export interface Register {
  /** What was set last. */
  readonly value: string;
  /** Rises with every change of this key and is never used twice, not even after a deletion. */
  readonly revision: number;
}

/** Options of {@link Registers.set} and {@link Registers.delete}. */
export interface RegisterWriteOptions<Tx> {
  /**
   * The revision that must be current; 0: the key must be absent.
   * @defaultValue not checked
   */
  readonly expected?: number;
  /** The caller's own transaction to take part in. */
  readonly tx?: Tx;
  /** Aborts the call. */
  readonly signal?: AbortSignal;
}

/**
 * Named values with compare-and-set. Snapshots, checkpoints and leases are built on them, once, over all stores.
 * Keys follow the rules of stream ids, but may have 320 bytes. Values are well-formed text, by convention JSON.
 */
export interface Registers<Tx = never> {
  /** The current value, or `undefined` when the key is absent. With `tx`, as that transaction sees it. */
  get(key: string, options?: { readonly tx?: Tx; readonly signal?: AbortSignal }): Promise<Register | undefined>;
  /** Writes and resolves to the new revision, or to `undefined` when `expected` was not current and nothing was written. */
  set(key: string, value: string, options?: RegisterWriteOptions<Tx>): Promise<number | undefined>;
  /** Deletes and resolves to `true`, or to `false` when the key was absent or `expected` was not current. */
  delete(key: string, options?: RegisterWriteOptions<Tx>): Promise<boolean>;
  /** The keys that start with `prefix`, in no particular order. */
  keys(prefix: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<string>;
}
