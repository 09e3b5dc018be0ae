/** Span over which the rate is taken. */
const WINDOW_MS = 10_000;
/** Counts closer together than this are kept as one. */
const GRAIN_MS = 250;

/** Events in a second, over the last few seconds. */
export class Rate {
  readonly #monotonic: () => number;
  readonly #startedAt: number;
  #counts: { readonly at: number; events: number }[] = [];

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#startedAt = monotonic();
  }

  /** Counts events as handled now. */
  add(events: number): void {
    const now = this.#forget();
    const newest = this.#counts.at(-1);
    if (newest !== undefined && now - newest.at < GRAIN_MS) newest.events += events;
    else this.#counts.push({ at: now, events });
  }

  /** The rate now. */
  get perSecond(): number {
    const now = this.#forget();
    const spanMs = Math.min(WINDOW_MS, Math.max(now - this.#startedAt, GRAIN_MS));
    return (this.#counts.reduce((sum, { events }) => sum + events, 0) * 1_000) / spanMs;
  }

  #forget(): number {
    const now = this.#monotonic();
    const kept = this.#counts.findIndex(({ at }) => at > now - WINDOW_MS);
    if (kept !== 0) this.#counts = kept === -1 ? [] : this.#counts.slice(kept);
    return now;
  }
}
