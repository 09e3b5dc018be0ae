import type { EventStore, RecordedEvent } from "@es/core";
import { expect } from "vitest";

/** A live read that keeps what it was shown. */
export class LiveLog {
  readonly events: RecordedEvent[] = [];
  readonly #abort = new AbortController();
  readonly #running: Promise<unknown>;
  #onEvent = (): void => undefined;

  constructor(store: EventStore) {
    this.#running = this.#follow(store).catch((error: unknown) => error);
  }

  /** Resolves once the event was shown. */
  async shows(id: string | undefined, limitMs = 10_000): Promise<void> {
    const timer = AbortSignal.timeout(limitMs);
    while (!this.events.some((event) => event.id === id)) {
      await new Promise<void>((resolve, reject) => {
        this.#onEvent = resolve;
        timer.addEventListener("abort", () => reject(new Error(`event ${id} was not shown in ${limitMs} ms`)));
      });
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    expect(await this.#running).toMatchObject({ code: "ES_ABORTED" });
  }

  async #follow(store: EventStore): Promise<void> {
    for await (const { events } of store.readAll({ live: true, signal: this.#abort.signal })) {
      this.events.push(...events);
      this.#onEvent();
    }
  }
}
