import { writeSync } from "node:fs";

const PAUSE_MS = 1;

/** For a child process of a test: tells the parent something, as a line of JSON and at once: a line that is still in a buffer would be lost when the process is killed. */
export function say(value: unknown): void {
  let rest: Uint8Array = Buffer.from(`${JSON.stringify(value)}\n`);
  while (rest.length > 0) {
    const written = tryWrite(rest);
    // The pipe is full: the parent reads slower than this process writes.
    if (written === undefined) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    else rest = rest.subarray(written);
  }
}

/** For a child process of a test: what the parent passed as JSON in the first argument. */
export function given<Args>(): Args {
  return JSON.parse(process.argv[2] ?? "{}");
}

function tryWrite(bytes: Uint8Array): number | undefined {
  try {
    return writeSync(1, bytes);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return undefined;
    throw error;
  }
}
