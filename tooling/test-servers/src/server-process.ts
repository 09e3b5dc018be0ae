import { findFreePort } from "./free-port.ts";
import { removeServerDirectory } from "./server-directory.ts";
import type { ServerUser } from "./server-user.ts";
import {
  lastLines,
  logPath,
  type ProcessOptions,
  type SpawnedProcess,
  spawnProcess,
  withLog,
} from "./spawned-process.ts";
import { waitUntil, within } from "./time-limit.ts";

/** How to run one kind of server. */
export interface ServerRecipe {
  /** For messages. */
  readonly name: string;
  /** Holds all that the server writes; removed when the server is disposed. */
  readonly directory: string;
  readonly user: ServerUser | undefined;
  readonly orphanSignal: ProcessOptions["orphanSignal"];
  /** What to run so that the server listens on this port of 127.0.0.1. */
  command(port: number): Promise<Pick<ProcessOptions, "command" | "args">>;
  /** Whether the server with this process id serves on this port. */
  isReady(port: number, pid: number): Promise<boolean>;
}

/** The life of one server process: started on a port of its own, ended, started again on the same port, removed. */
export class ServerProcess {
  readonly host = "127.0.0.1";
  readonly #recipe: ServerRecipe;
  #port = 0;
  #process: SpawnedProcess | undefined;

  constructor(recipe: ServerRecipe) {
    this.#recipe = recipe;
  }

  get port(): number {
    return this.#port;
  }

  get isRunning(): boolean {
    return this.#process?.isRunning ?? false;
  }

  log(): string {
    return lastLines(this.#recipe.directory, 100);
  }

  /** Starts on a free port, on another one when somebody else is quicker; removes the directory when it does not start. */
  async startOnFreePort(signal: AbortSignal | undefined, choosePort = findFreePort): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#port = await choosePort();
        return await this.#launch(signal);
      } catch (error) {
        if (attempt < 5 && /address already in use/i.test(lastLines(this.#recipe.directory))) continue;
        await removeServerDirectory(this.#recipe.directory);
        throw error;
      }
    }
  }

  async start(): Promise<void> {
    if (this.isRunning) throw new Error(`${this.#recipe.name} on port ${this.#port} is running already`);
    await this.#launch(undefined);
  }

  /** Sends a signal to the server itself, and nothing when it does not run. */
  signal(name: NodeJS.Signals): void {
    this.#process?.signal(name);
  }

  /** Sends a signal and waits until the server and its children are gone. */
  async end(name: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    child.signal(name);
    try {
      const describe = () => `${this.#recipe.name} did not end after ${name}`;
      await within(child.hasEnded, { limitMs: LIMIT_MS, describe });
    } catch (error) {
      throw withLog(error, this.#recipe.directory);
    }
  }

  /** Ends the server and removes all that it has written. */
  async remove(name: NodeJS.Signals): Promise<void> {
    await this.#endForSure(name);
    await removeServerDirectory(this.#recipe.directory);
  }

  async #launch(signal: AbortSignal | undefined): Promise<void> {
    const { name, directory, user, orphanSignal } = this.#recipe;
    const command = await this.#recipe.command(this.#port);
    const child = await spawnProcess({ ...command, directory, user, orphanSignal });
    this.#process = child;
    try {
      await waitUntil(async () => !child.isRunning || (await this.#recipe.isReady(this.#port, child.pid)), {
        limitMs: LIMIT_MS,
        signal,
        describe: () => `${name} does not serve`,
      });
      if (!child.isRunning) throw new Error(`${name} ended with ${await child.hasEnded} while it started`);
    } catch (error) {
      const shown = signal?.aborted ? error : withLog(error, directory);
      await this.#endForSure("SIGKILL");
      throw shown;
    }
  }

  async #endForSure(name: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    child.signal(name);
    // A signal is lost on a server that has only just begun.
    const kill = setTimeout(() => child.signal("SIGKILL"), 10_000);
    const describe = () => `${this.#recipe.name} did not end, see ${logPath(this.#recipe.directory)}`;
    await within(child.hasEnded, { limitMs: LIMIT_MS, describe }).finally(() => clearTimeout(kill));
  }
}

const LIMIT_MS = 60_000;
