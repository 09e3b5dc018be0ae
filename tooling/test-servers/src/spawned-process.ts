// Every server runs below a small shell, the guard, that holds a pipe to this process. When this process goes away, however
// it does, SIGKILL included, the pipe closes: the guard then ends the server and removes its directory. So no server and no
// directory outlives a test run.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { ServerUser } from "./server-user.ts";
import { within } from "./time-limit.ts";
import { waitUntilStopped } from "./wait-until-stopped.ts";

/** What to run. */
export interface ProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** The working directory; it is removed when this process goes away while the other still runs. */
  readonly directory: string;
  readonly user: ServerUser | undefined;
  /** The signal for the case that this process goes away; SIGKILL follows after ten seconds. */
  readonly orphanSignal: "TERM" | "QUIT" | "KILL";
}

/** A process that ends with this one at the latest. */
export interface SpawnedProcess {
  readonly pid: number;
  readonly isRunning: boolean;
  /** Settles when the process and all that it has started are gone, with its exit code (128 + n after signal n). */
  readonly hasEnded: Promise<number>;
  /** Sends a signal; does nothing when the process is gone. */
  signal(name: NodeJS.Signals): void;
}

// Descriptor 3 carries the server's id to this process, and its end of file says that all holders are gone: the server, its
// children and the guard. A shell gives background jobs no standard input, hence descriptor 4.
const GUARD = `
signal=$1 directory=$2; shift 2
exec 4<&0
"$@" </dev/null 4<&- &
server=$!
(
  exec 3>&- >/dev/null 2>&1
  read -r _ <&4
  trap '' TERM
  kill -s "$signal" $server
  tenths=0
  while kill -0 $server && [ $tenths -lt 100 ]; do sleep 0.1; tenths=$((tenths + 1)); done
  kill -s KILL $server
  exit 0
) &
watcher=$!
exec 4<&-
echo $server >&3
wait $server
status=$?
kill -s TERM $watcher
# The watcher ends with 0 only when this shell is an orphan.
if wait $watcher 2>/dev/null; then cd / && rm -rf "$directory"; fi
exit $status
`;

/** Starts a process; its output goes to the file that {@link logPath} names. */
export async function spawnProcess(options: ProcessOptions): Promise<SpawnedProcess> {
  const { command, args, directory, user, orphanSignal } = options;
  const log = openSync(logPath(directory), "a");
  const guard = spawn("/bin/sh", ["-c", GUARD, "guard", orphanSignal, directory, command, ...args], {
    cwd: directory,
    // A session of its own: Ctrl-C is for the tests, the guard hears of their end by its pipe.
    detached: true,
    stdio: ["pipe", log, log, "pipe"],
    // Nothing else of our environment: variables such as PGPORT would change the server.
    env: { PATH: process.env["PATH"], HOME: directory, LC_ALL: "C", TMPDIR: directory },
    ...user,
  });
  closeSync(log);
  const line = guard.stdio[3];
  let isRunning = true;
  const hasEnded = once(guard, "close").then(([code]) => {
    isRunning = false;
    return Number(code);
  });
  hasEnded.catch(() => {
    isRunning = false;
  });
  const pid = await within(Promise.race([readPid(line), hasEnded.then(() => 0)]), {
    limitMs: 10_000,
    describe: () => `${command} did not start`,
  });
  return {
    pid,
    get isRunning() {
      return isRunning;
    },
    hasEnded,
    signal(name) {
      if (isRunning && pid !== 0) send(pid, name);
    },
  };
}

/** Runs a process to its end and throws, with the last lines of its output, when it fails or takes too long. */
export async function runProcess(
  options: ProcessOptions & { readonly limitMs: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { command, directory, limitMs, signal } = options;
  const child = await spawnProcess(options);
  try {
    const code = await within(child.hasEnded, { limitMs, signal, describe: () => `${command} did not end` });
    if (code !== 0) throw new Error(`${command} ended with ${code}`);
  } catch (cause) {
    child.signal("SIGKILL");
    const describe = () => `${command} did not end after SIGKILL`;
    await within(child.hasEnded, { limitMs: 10_000, describe });
    throw signal?.aborted ? cause : withLog(cause, directory);
  }
}

/** The file in a server's directory that holds its output. */
export function logPath(directory: string): string {
  return join(directory, "server.log");
}

/** The last lines of a server's output. */
export function lastLines(directory: string, count = 20): string {
  try {
    return readFileSync(logPath(directory), "utf8").trimEnd().split("\n").slice(-count).join("\n");
  } catch {
    return "";
  }
}

/** An error that says what went wrong and shows the last lines of the server's output. */
export function withLog(cause: unknown, directory: string): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new Error(`${message}\nThe last lines of ${logPath(directory)}:\n${lastLines(directory)}`, { cause });
}

async function readPid(line: unknown): Promise<number> {
  if (!isReadable(line)) throw new Error("the guard has no pipe");
  const [data] = await once(line, "data");
  line.resume();
  return Number(String(data).trim());
}

function isReadable(value: unknown): value is Readable {
  return typeof value === "object" && value !== null && "resume" in value;
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
    if (name === "SIGSTOP") waitUntilStopped(pid);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
