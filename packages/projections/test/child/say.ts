import { writeSync } from "node:fs";

/** Tells the parent something, at once: a line that is still in a buffer would be lost when the process is killed. */
export function say(value: unknown): void {
  writeSync(1, `${JSON.stringify(value)}\n`);
}

/** What the parent passed. */
export function given<Args>(): Args {
  return JSON.parse(process.argv[2] ?? "{}");
}
