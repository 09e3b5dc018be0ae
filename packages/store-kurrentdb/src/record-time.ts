/**
 * The time of now as JSON has it. Writing a whole date costs more than checking an event, so what is the same for a second is kept.
 */
export class RecordTime {
  #second = Number.NaN;
  /** Up to the point in front of the milliseconds. */
  #text = "";

  /** As `new Date().toISOString()`. */
  now(): string {
    const ms = Date.now();
    const second = Math.floor(ms / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(ms).toISOString().slice(0, -"000Z".length);
    }
    return `${this.#text}${String(ms - second * 1_000).padStart(3, "0")}Z`;
  }
}
