import { open, readFile, rm, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const LONGEST_TURN_MS = 300_000;

/**
 * Waits until no other process works under this lock file, then works. A lock of a process that is gone counts for nothing. Only
 * to save work: two processes may still work at once when both find such a lock.
 */
export async function takeTurn<T>(lock: string, work: () => Promise<T>): Promise<T> {
  while (!(await tryLock(lock))) {
    if (await isStale(lock)) await rm(lock, { force: true });
    else await sleep(50);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function tryLock(lock: string): Promise<boolean> {
  try {
    const file = await open(lock, "wx");
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

async function isStale(lock: string): Promise<boolean> {
  try {
    const [{ mtimeMs }, holder] = await Promise.all([stat(lock), readFile(lock, "utf8")]);
    // The holder writes its id a moment after it has made the file.
    return Date.now() - mtimeMs > LONGEST_TURN_MS || (holder !== "" && !isAlive(Number(holder)));
  } catch {
    // It has just been removed.
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
