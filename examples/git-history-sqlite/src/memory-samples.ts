const MEGABYTE = 1024 * 1024;

/** The memory of this process over a piece of work, to see whether it grows with it. */
export class MemorySamples {
  readonly #samples: { readonly resident: number; readonly heap: number }[] = [];

  /** Looks at the memory now. */
  take(): void {
    const { rss, heapUsed } = process.memoryUsage();
    this.#samples.push({ resident: rss, heap: heapUsed });
  }

  /** One line: start, middle, end and the highest. */
  toString(): string {
    const { length } = this.#samples;
    const at = (index: number): string => {
      const { resident = 0, heap = 0 } = this.#samples[index] ?? {};
      return `${megabytes(resident)} (${megabytes(heap)})`;
    };
    const highest = Math.max(0, ...this.#samples.map(({ resident }) => resident));
    return (
      `memory in MB, resident (heap): ${at(0)} at the start, ${at(length >> 1)} in the middle, ` +
      `${at(length - 1)} at the end, highest ${megabytes(highest)}`
    );
  }
}

function megabytes(bytes: number): string {
  return String(Math.round(bytes / MEGABYTE));
}
