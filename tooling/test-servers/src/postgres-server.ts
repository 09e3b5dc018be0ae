import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { borrowPostgres } from "./borrowed-postgres.ts";
import { findPostgres, type WantedVersion } from "./find-postgres.ts";
import { findFreePort } from "./free-port.ts";
import { createOwnedDirectory, createServerDirectory, removeServerDirectory } from "./server-directory.ts";
import { findServerUser, type ServerUser } from "./server-user.ts";
import { lastLines, runProcess, type SpawnedProcess, spawnProcess, withLog } from "./spawned-process.ts";
import { waitUntil, within } from "./time-limit.ts";

/** A private PostgreSQL server, or a database of its own on the server that `ES_TEST_POSTGRES_URL` names. */
export interface PostgresServer extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Such as 15.20. */
  readonly version: string;
  readonly dataDirectory: string;
  readonly isRunning: boolean;
  /** The last lines of the server's log. */
  log(): string;
  /** Shuts the server down in order, without waiting for its clients. */
  stop(): Promise<void>;
  /** Kills the server with SIGKILL, and returns when its children are gone too. */
  kill(): Promise<void>;
  /** Starts the server again after a stop, a kill or a crash, with the same data and on the same port. */
  start(): Promise<void>;
  /** `stop` and `start`. */
  restart(): Promise<void>;
}

/** Options of {@link startPostgres}. */
export interface PostgresOptions {
  /** Which of the installations that are found; by default the first. */
  readonly version?: WantedVersion;
  /** Settings of `postgresql.conf`, beside or instead of the defaults; values are written as `SET` takes them. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

const LIMIT_MS = 60_000;

// fsync stays on: tests ask the server for its durability.
const SETTINGS = {
  max_connections: "200",
  shared_buffers: "64MB",
  log_min_messages: "warning",
  log_line_prefix: "%m [%p] ",
};

/** Starts a private server with an empty database and waits until it serves; disposing it removes its data. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const borrowedUrl = process.env["ES_TEST_POSTGRES_URL"];
  if (borrowedUrl !== undefined && borrowedUrl !== "") return await borrowPostgres(borrowedUrl);
  const { signal } = options;
  const user = findServerUser();
  const installation = await findPostgres(user, options.version);
  const bin = await installation.prepare();
  const directory = await createServerDirectory("postgres", user);
  try {
    const dataDirectory = join(directory, "data");
    await createOwnedDirectory(dataDirectory, user);
    await runProcess({
      command: join(bin, "initdb"),
      args: ["-D", dataDirectory, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"],
      directory,
      user,
      orphanSignal: "TERM",
      limitMs: LIMIT_MS,
      signal,
    });
    const settings = { ...SETTINGS, ...options.settings };
    const server = new OwnPostgres({ bin, directory, user, settings, version: installation.version });
    await server.startOnFreePort(signal);
    return server;
  } catch (error) {
    await removeServerDirectory(directory);
    throw error;
  }
}

interface OwnPostgresOptions {
  readonly bin: string;
  readonly directory: string;
  readonly user: ServerUser | undefined;
  readonly settings: Readonly<Record<string, string>>;
  readonly version: string;
}

class OwnPostgres implements PostgresServer {
  readonly host = "127.0.0.1";
  readonly version: string;
  readonly dataDirectory: string;
  readonly #options: OwnPostgresOptions;
  #port = 0;
  #process: SpawnedProcess | undefined;

  constructor(options: OwnPostgresOptions) {
    this.#options = options;
    this.version = options.version;
    this.dataDirectory = join(options.directory, "data");
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `postgres://postgres@${this.host}:${this.#port}/postgres`;
  }

  get isRunning(): boolean {
    return this.#process?.isRunning ?? false;
  }

  log(): string {
    return lastLines(this.#options.directory, 100);
  }

  async startOnFreePort(signal?: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      this.#port = await findFreePort();
      try {
        return await this.#launch(signal);
      } catch (error) {
        if (attempt === 5 || !/Address already in use/.test(lastLines(this.#options.directory))) throw error;
      }
    }
  }

  async start(): Promise<void> {
    if (this.isRunning) throw new Error("the server is running");
    await this.#launch();
  }

  async stop(): Promise<void> {
    await this.#end("SIGINT");
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end("SIGQUIT");
    await removeServerDirectory(this.#options.directory);
  }

  async #launch(signal?: AbortSignal): Promise<void> {
    const { bin, directory, user, settings } = this.#options;
    const all = {
      ...settings,
      port: String(this.#port),
      listen_addresses: this.host,
      unix_socket_directories: directory,
      logging_collector: "off",
    };
    const args = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const command = join(bin, "postgres");
    const child = await spawnProcess({
      command,
      args: ["-D", this.dataDirectory, ...args],
      directory,
      user,
      orphanSignal: "QUIT",
    });
    this.#process = child;
    try {
      await waitUntil(async () => !child.isRunning || (await this.#serves(child.pid)), {
        limitMs: LIMIT_MS,
        signal,
        describe: () => "PostgreSQL does not serve",
      });
      if (!child.isRunning) throw new Error(`PostgreSQL ended with ${await child.hasEnded} while it started`);
    } catch (error) {
      const withLines = withLog(error, directory);
      await this.#end("SIGQUIT");
      throw withLines;
    }
  }

  /** PostgreSQL writes its state into the eighth line of its pid file. */
  async #serves(pid: number): Promise<boolean> {
    const text = await readFile(join(this.dataDirectory, "postmaster.pid"), "utf8").catch(() => "");
    const lines = text.split("\n");
    return lines[0] === String(pid) && lines[7]?.trim() === "ready";
  }

  async #end(name: "SIGINT" | "SIGQUIT" | "SIGKILL"): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    child.signal(name);
    try {
      await within(child.hasEnded, { limitMs: LIMIT_MS, describe: () => `PostgreSQL did not end after ${name}` });
    } catch (error) {
      throw withLog(error, this.#options.directory);
    }
  }
}
