import type { CallLimit, ClientHolder } from "./client-holder.ts";
import type { IncomingEvent, KurrentClient, ResolvedEvent } from "./kurrent-client.ts";

/** What a read asks of the client. */
export type Ask = (client: KurrentClient) => AsyncIterable<ResolvedEvent>;

/** What was taken from a read. */
export interface Taken {
  readonly events: readonly IncomingEvent[];
  /** Whether nothing more will come of this read. */
  readonly isOver: boolean;
  /** Whether it was waited for, because the events had not come yet. */
  readonly isAwaited: boolean;
}

/**
 * One read of the server, which gives out events while more of them come. It goes on to its end in any case: a read of the client that
 * is left in the middle keeps what the server has sent, and others on the connection have to wait.
 */
export class Reading {
  readonly asked: number;
  #events: IncomingEvent[] = [];
  /** How many entries have come, those without an event included. */
  #received = 0;
  #isOpen = true;
  #failure: unknown;
  #enough = 0;
  #wake: (() => void) | undefined;

  /** @param asked - how many events the read asks for */
  constructor(holder: ClientHolder, call: CallLimit, asked: number, ask: Ask) {
    this.asked = asked;
    const all = holder.attempt(call, async (client, progress) => {
      for await (const { event } of ask(client)) {
        progress();
        this.#add(event);
      }
    });
    all.then(
      () => this.#close(),
      (error: unknown) => {
        this.#failure = error;
        this.#close();
      },
    );
  }

  /** Whether fewer events came than were asked for. */
  get isShort(): boolean {
    return !this.#isOpen && this.#failure === undefined && this.#received < this.asked;
  }

  /**
   * The next events: so many, or what there is when no more come.
   *
   * @throws whatever ended the read, once all that came before is taken
   */
  async take(count: number): Promise<Taken> {
    const isAwaited = this.#isOpen && this.#events.length < count;
    if (isAwaited) {
      this.#enough = count;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    if (this.#events.length === 0 && this.#failure !== undefined) throw this.#failure;
    const events = this.#events.splice(0, count);
    const isOver = !this.#isOpen && this.#events.length === 0 && this.#failure === undefined;
    return { events, isOver, isAwaited };
  }

  /** Nobody takes anything any more. */
  leave(): void {
    this.#close();
    this.#events = [];
  }

  #add(event: IncomingEvent | undefined): void {
    if (!this.#isOpen) return;
    this.#received += 1;
    if (event === undefined) return;
    this.#events.push(event);
    if (this.#events.length === this.#enough) this.#wake?.();
  }

  #close(): void {
    this.#isOpen = false;
    this.#wake?.();
  }
}
