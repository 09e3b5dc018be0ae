import type { Borrowed, CallLimits, QueryRunner } from "./query-runner.ts";

/** How long a connection may lie idle before it goes back to its pool, which then sees to it. */
const IDLE_MS = 100;

/**
 * Keeps connections borrowed as long as they are used again and again: to give one back and to borrow it anew costs a fifth of
 * what an append costs this process.
 */
export class KeptConnections {
  readonly #runner: QueryRunner;
  #isKeeping: boolean;
  readonly #onLost: () => void;
  #spare: Borrowed[] = [];
  #isUsed = false;
  #idle: NodeJS.Timeout | undefined;

  /**
   * @param isKeeping - `false` for connections of others, who may be waiting for them
   * @param onLost - called when a connection was cut while it lay idle here
   */
  constructor(
    runner: QueryRunner,
    { isKeeping, onLost }: { readonly isKeeping: boolean; readonly onLost: () => void },
  ) {
    this.#runner = runner;
    this.#isKeeping = isKeeping;
    this.#onLost = onLost;
  }

  /** @throws the toolkit's error for the last try to connect */
  async borrow(limits: CallLimits): Promise<Borrowed> {
    this.#isUsed = true;
    for (let kept = this.#spare.pop(); kept !== undefined; kept = this.#spare.pop()) {
      if (!kept.isLost()) return kept;
      this.#release(kept);
    }
    return this.#runner.borrow(limits);
  }

  /** @param isBroken - whether its connection is to be closed, because nobody knows what it is doing */
  giveBack(connection: Borrowed, isBroken: boolean): void {
    if (isBroken || !this.#isKeeping) {
      connection.release(isBroken);
      return;
    }
    this.#spare.push(connection);
    this.#idle ??= setTimeout(() => this.#look(), IDLE_MS);
  }

  /** Gives all back, and what is given back later at once. */
  close(): void {
    this.#isKeeping = false;
    clearTimeout(this.#idle);
    this.#releaseAll();
  }

  #releaseAll(): void {
    for (const connection of this.#spare) this.#release(connection);
    this.#spare = [];
  }

  #look(): void {
    this.#idle = undefined;
    if (this.#isUsed) {
      this.#isUsed = false;
      this.#idle = setTimeout(() => this.#look(), IDLE_MS);
    } else this.#releaseAll();
  }

  #release(connection: Borrowed): void {
    if (connection.isLost()) this.#onLost();
    connection.release(false);
  }
}
