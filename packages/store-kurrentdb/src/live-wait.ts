import { WakeUp } from "@es/core/adapter";
import type { ClientHolder } from "./client-holder.ts";
import type { ClientSubscription, ServerFilter } from "./kurrent-client.ts";

/**
 * Where live reads wait. While somebody waits, one subscription per store tells of new events. It is a hint only, and so is its
 * silence: the log is looked at every `pollIntervalMs` in any case. So it does not matter when the server drops the subscription,
 * which it does for many reasons, or when the client loses it without a word.
 */
export class LiveWait {
  readonly #wakeUp = new WakeUp();
  readonly #holder: ClientHolder;
  readonly #filter: ServerFilter;
  readonly #pollIntervalMs: number;
  #poll: NodeJS.Timeout | undefined;
  #waiting = 0;
  #subscription: ClientSubscription | undefined;
  /** Not twice between two looks: each subscription wakes all readers, also one that is lost at once. */
  #mayListen = true;

  constructor(holder: ClientHolder, filter: ServerFilter, pollIntervalMs: number) {
    this.#holder = holder;
    this.#filter = filter;
    this.#pollIntervalMs = pollIntervalMs;
  }

  /** Take it before reading; {@link wait} then misses nothing. */
  get epoch(): number {
    return this.#wakeUp.epoch;
  }

  /** Something was stored, or the store is closed. */
  notify(): void {
    this.#wakeUp.notify();
  }

  /** Resolves once something may have been stored since `epoch` was taken. */
  async wait(epoch: number, signal: AbortSignal | undefined): Promise<void> {
    this.#waiting += 1;
    this.#poll ??= setInterval(() => this.#look(), this.#pollIntervalMs);
    if (this.#subscription === undefined && this.#mayListen) this.#listen();
    try {
      await this.#wakeUp.wait(epoch, signal);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Ends all waiting for good. */
  close(): void {
    this.#stop();
    this.notify();
  }

  #look(): void {
    this.#mayListen = true;
    // A reader is between two waits most of the time; only when nobody came for a whole interval is there no reader.
    if (this.#waiting === 0) this.#stop();
    else this.notify();
  }

  #stop(): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
    this.#mayListen = true;
    const subscription = this.#subscription;
    this.#subscription = undefined;
    if (subscription !== undefined) unsubscribe(subscription);
  }

  #listen(): void {
    this.#mayListen = false;
    let subscription: ClientSubscription;
    try {
      subscription = this.#holder.client.subscribeToAll({ fromPosition: "end", filter: this.#filter });
    } catch {
      // Readers find out by themselves what is wrong; until this works they look every interval.
      return;
    }
    this.#subscription = subscription;
    const onOver = (): void => {
      if (this.#subscription === subscription) this.#subscription = undefined;
    };
    // Something may have been stored before the server began to tell.
    subscription.on("confirmation", () => this.notify());
    subscription.on("data", () => this.notify());
    subscription.on("error", onOver);
    subscription.on("end", onOver);
  }
}

/** The client goes on to receive from a subscription until this is done. */
function unsubscribe(subscription: ClientSubscription): void {
  subscription.on("error", () => undefined);
  // It waits for the server's first answer, which may never come; then disposing of the client ends it.
  subscription.unsubscribe().catch(() => undefined);
}
