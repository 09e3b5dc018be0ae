import type { EventStore, Page, ReadAllOptions, RecordedEvent } from "@es/core";
import { nextTurn } from "./next-turn.ts";

/** No case stores that much; a read that spins must not take the test process with it. */
const MOST_PAGES = 20_000;

/** A live read that runs beside a case and keeps what it was given. */
export class LiveReader {
  readonly pages: Page[] = [];
  /** Resolves when the read has ended: to its error, or to `undefined` when it ended without one. Never rejects. */
  readonly ended: Promise<unknown>;
  readonly #abort = new AbortController();

  constructor(store: EventStore<unknown>, options: Omit<ReadAllOptions, "live" | "signal"> = {}) {
    const pages = store.readAll({ ...options, live: true, signal: this.#abort.signal });
    this.ended = this.#run(pages);
  }

  get events(): readonly RecordedEvent[] {
    return this.pages.flatMap(({ events }) => events);
  }

  get ids(): readonly string[] {
    return this.events.map(({ id }) => id);
  }

  get isCaughtUp(): boolean {
    return this.pages.at(-1)?.isCaughtUp ?? false;
  }

  /** Whether the event with this id has arrived. */
  has(id: string | undefined): boolean {
    return this.pages.some(({ events }) => events.some((event) => event.id === id));
  }

  /** Whether the read has gone as far as this position. */
  hasPassed(position: string): boolean {
    return (this.pages.at(-1)?.next ?? "") >= position;
  }

  /** Aborts the read and resolves to the error it ended with. */
  async stop(): Promise<unknown> {
    this.#abort.abort();
    return this.ended;
  }

  async #run(pages: AsyncIterable<Page>): Promise<unknown> {
    try {
      for await (const page of pages) {
        this.pages.push(page);
        if (this.pages.length % 500 === 0) await nextTurn();
        if (this.pages.length > MOST_PAGES) throw new Error(`the live read gave ${MOST_PAGES} pages`);
      }
      return undefined;
    } catch (error) {
      return error;
    }
  }
}
