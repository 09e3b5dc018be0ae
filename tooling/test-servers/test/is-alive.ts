import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Whether a process runs; one that has ended and only waits for its parent to ask for the exit code does not. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)("ps", ["-o", "stat=", "-p", String(pid)]);
    return !stdout.trim().startsWith("Z");
  } catch {
    return false;
  }
}
