import type { Register } from "@es/core";

/**
 * What reads may see while a `transaction()` is open on the connection that they share with it, as in a `:memory:` database:
 * the state before it began. The log only grows, so a bound on the position is enough for events; of registers the
 * transaction's first change of each keeps the content before.
 */
export class CommittedView {
  #head: number | undefined;
  readonly #registers = new Map<string, Register | undefined>();

  /** Whether a transaction is open. */
  get isActive(): boolean {
    return this.#head !== undefined;
  }

  /** Newest sequence that may be seen. */
  get lastSequence(): number {
    return this.#head ?? Number.MAX_SAFE_INTEGER;
  }

  /** The registers that the transaction changed, as they were before. */
  get registers(): ReadonlyMap<string, Register | undefined> {
    return this.#registers;
  }

  begin(head: number): void {
    this.#head = head;
  }

  end(): void {
    this.#head = undefined;
    this.#registers.clear();
  }

  /** The transaction is about to change a register that holds `before`. */
  keep(key: string, before: Register | undefined): void {
    if (this.isActive && !this.#registers.has(key)) this.#registers.set(key, before);
  }
}
