import { ConfigurationError, type EventStore } from "@es/core";
import { changed } from "./changed-store.ts";

/** A store as a process sees it that is about to be killed: from some moment on nothing it does reaches the backend. */
export class Dying {
  /** What every call says after the end. */
  static readonly words = "the process is gone";
  readonly store: EventStore<unknown>;
  #isDead = false;

  constructor(store: EventStore<unknown>) {
    const { registers } = store;
    this.store = changed(store, {
      registers: {
        get: async (key, options) => (this.#check(), registers.get(key, options)),
        set: async (key, value, options) => (this.#check(), registers.set(key, value, options)),
        delete: async (key, options) => (this.#check(), registers.delete(key, options)),
        keys: (prefix, options) => (this.#check(), registers.keys(prefix, options)),
      },
    });
  }

  /** Cuts it off. */
  die(): void {
    this.#isDead = true;
  }

  #check(): void {
    // Not retryable, so that the runner ends.
    if (this.#isDead) throw new ConfigurationError(Dying.words);
  }
}
