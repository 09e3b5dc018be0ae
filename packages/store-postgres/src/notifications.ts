import { queryOf, type Statement, statementOf } from "./statement.ts";
import type { Connections } from "./connections.ts";
import { letGo } from "./let-go.ts";
import type { StoreNames } from "./names.ts";
import type { ListeningClient } from "./postgres-driver.ts";
import type { QueryRunner } from "./query-runner.ts";
import { now, withinLimit } from "./time-limit.ts";

/** Shortest time between two notifications. A commit that notifies waits for all others of the server. */
const NOTIFY_MS = 10;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 10_000;

/** Tells other processes, after commits and beside them, that there is something to read. */
export class Notifier {
  readonly #runner: QueryRunner;
  readonly #statement: Statement;
  readonly #channel: string;
  #timer: NodeJS.Timeout | undefined;
  #lastAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(runner: QueryRunner, { channel }: StoreNames) {
    this.#runner = runner;
    this.#channel = channel;
    this.#statement = statementOf("SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, '')");
  }

  /** Something was committed. */
  notify(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    const waitMs = Math.max(0, this.#lastAt + NOTIFY_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#lastAt = performance.now();
      // It is a hint. Whoever does not get it finds out by polling.
      this.#runner.once(this.#statement, [this.#channel]).catch(() => undefined);
    }, waitMs);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }
}

/** Hears the notifications of other processes on a connection of its own, and makes another when that is lost. */
export class Listener {
  readonly #make: NonNullable<Connections["makeListener"]>;
  readonly #channel: string;
  readonly #onHint: () => void;
  #client: ListeningClient | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #isClosed = false;

  constructor(make: NonNullable<Connections["makeListener"]>, { channel }: StoreNames, onHint: () => void) {
    this.#make = make;
    this.#channel = channel;
    this.#onHint = onHint;
  }

  /** Begins to listen. Never fails: as long as it does not succeed, readers poll. */
  start(): void {
    const client = this.#make();
    this.#client = client;
    const again = (): void => {
      if (this.#client !== client || this.#isClosed) return;
      this.#client = undefined;
      client.end().catch(() => undefined);
      this.#retry = setTimeout(() => this.start(), this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    };
    client.on("error", again);
    client.on("end", again);
    client.on("notification", this.#onHint);
    client
      .connect()
      .then(() => client.query(queryOf(`LISTEN ${this.#channel}`, [], false)))
      .then(() => {
        this.#retryMs = FIRST_RETRY_MS;
        // What was committed while nobody listened.
        this.#onHint();
      })
      .catch(again);
  }

  /** A connection that has gone silent does not answer the farewell either, so it has a limit. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const client = this.#client;
    if (client === undefined) return;
    const late = (): Error => new Error("late");
    await withinLimit(client.end(), { deadline: now() + timeoutMs, late }).catch(() => letGo(client));
  }
}
