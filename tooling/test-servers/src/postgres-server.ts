import { execFile } from "node:child_process";
import { chown, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { borrowPostgres } from "./borrowed-postgres.ts";
import { findPostgres, type WantedVersion } from "./find-postgres.ts";
import { createOwnedDirectory, createServerDirectory, removeServerDirectory } from "./server-directory.ts";
import { ServerProcess } from "./server-process.ts";
import { findServerUser, type ServerUser } from "./server-user.ts";
import { runProcess } from "./spawned-process.ts";

/** A private PostgreSQL server, or a database of its own on the server that `ES_TEST_POSTGRES_URL` names. */
export interface PostgresServer extends AsyncDisposable {
  /** Of an empty database, as a superuser. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Such as 15.20. */
  readonly version: string;
  /** Empty for a server of the environment that does not tell. */
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
  /** Starts a hot standby that follows this server; this one is stopped for a moment, to be copied. */
  startStandby(): Promise<PostgresServer>;
}

/** Options of {@link startPostgres}. */
export interface PostgresOptions {
  /** Which of the installations that are found; by default the first. */
  readonly version?: WantedVersion;
  /** Settings as in `postgresql.conf`, but without quotes; they win over the defaults. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether to start a server even when the environment names one. @defaultValue false */
  readonly isPrivate?: boolean;
  readonly signal?: AbortSignal;
}

// fsync stays on: tests ask the server for its durability.
const SETTINGS = {
  max_connections: "200",
  shared_buffers: "64MB",
  log_line_prefix: "%m [%p] ",
};

/** Starts a private server and waits until it serves; disposing it ends the server and removes its data. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const borrowedUrl = process.env["ES_TEST_POSTGRES_URL"];
  if (borrowedUrl !== undefined && borrowedUrl !== "" && options.isPrivate !== true)
    return await borrowPostgres(borrowedUrl);
  const { signal } = options;
  const user = findServerUser();
  const { version, prepare } = await findPostgres(user, options.version);
  const bin = await prepare();
  const directory = await createServerDirectory("postgres", user);
  const dataDirectory = join(directory, "data");
  try {
    await createOwnedDirectory(dataDirectory, user);
    await runProcess({
      command: join(bin, "initdb"),
      args: ["-D", dataDirectory, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"],
      directory,
      user,
      orphanSignal: "TERM",
      limitMs: 60_000,
      signal,
    });
  } catch (error) {
    await removeServerDirectory(directory);
    throw error;
  }

  const settings = { ...SETTINGS, ...options.settings };
  return await serve({ bin, version, user, directory, dataDirectory, settings }, signal);
}

/** What a server runs with. */
interface ServerPlace {
  readonly bin: string;
  readonly version: string;
  readonly user: ServerUser | undefined;
  readonly directory: string;
  readonly dataDirectory: string;
  readonly settings: Readonly<Record<string, string>>;
}

async function serve(place: ServerPlace, signal?: AbortSignal): Promise<PostgresServer> {
  const { bin, version, user, directory, dataDirectory, settings } = place;
  const server = new ServerProcess({
    name: "PostgreSQL",
    directory,
    user,
    orphanSignal: "QUIT",
    command: async (port) => ({
      command: join(bin, "postgres"),
      args: ["-D", dataDirectory, ...settingArguments({ ...settings, ...placeSettings(port, directory) })],
    }),
    isReady: async (_port, pid) => await isReady(dataDirectory, pid),
  });
  await server.startOnFreePort(signal);
  const stop = async () => await server.end("SIGINT");
  const start = async () => await server.start();
  return {
    url: `postgres://postgres@${server.host}:${server.port}/postgres`,
    host: server.host,
    port: server.port,
    version,
    dataDirectory,
    get isRunning() {
      return server.isRunning;
    },
    log: () => server.log(),
    stop,
    kill: async () => await server.end("SIGKILL"),
    start,
    restart: async () => {
      await stop();
      await start();
    },
    startStandby: async () => {
      await stop();
      const copy = await copyPlace(place);
      await start();
      const primary = `host=${server.host} port=${server.port} user=postgres`;
      return await serve({ ...copy, settings: { ...settings, primary_conninfo: primary } });
    },
    [Symbol.asyncDispose]: async () => await server.remove("SIGQUIT"),
  };
}

/** A copy of the data of a server that is stopped, told to follow another server. */
async function copyPlace(place: ServerPlace): Promise<ServerPlace> {
  const { user } = place;
  const directory = await createServerDirectory("postgres", user);
  const dataDirectory = join(directory, "data");
  try {
    // With owners and modes, which the server insists on.
    await promisify(execFile)("cp", ["-a", place.dataDirectory, dataDirectory]);
    const path = join(dataDirectory, "standby.signal");
    await writeFile(path, "");
    if (user !== undefined) await chown(path, user.uid, user.gid);
  } catch (error) {
    await removeServerDirectory(directory);
    throw error;
  }
  return { ...place, directory, dataDirectory };
}

function placeSettings(port: number, directory: string): Record<string, string> {
  return {
    port: String(port),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: directory,
    logging_collector: "off",
  };
}

function settingArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** PostgreSQL writes its process id into the first line of its pid file, and its state into the eighth. A hot standby can be read. */
async function isReady(dataDirectory: string, pid: number): Promise<boolean> {
  const text = await readFile(join(dataDirectory, "postmaster.pid"), "utf8").catch(() => "");
  const lines = text.split("\n");
  return lines[0] === String(pid) && ["ready", "standby"].includes(lines[7]?.trim() ?? "");
}
