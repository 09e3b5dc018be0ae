import { readdirSync, readFileSync } from "node:fs";

const LIMIT_MS = 1_000;

/** After SIGSTOP the threads of a server go on for a moment, and may answer. Where /proc tells, this waits until all have stopped. */
export function waitUntilStopped(pid: number): void {
  const end = performance.now() + LIMIT_MS;
  while (!isStopped(pid) && performance.now() < end);
}

function isStopped(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  try {
    return readdirSync(tasks).every((task) => /\) [Tt] /.test(readFileSync(`${tasks}/${task}/stat`, "utf8")));
  } catch {
    // There is no /proc on this system, or the process is gone.
    return true;
  }
}
