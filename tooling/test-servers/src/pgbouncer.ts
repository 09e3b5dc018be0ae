import { createConnection } from "node:net";
import { chown, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { join } from "node:path";
import type { WantedVersion } from "./find-postgres.ts";
import { findProgram, type ProgramNeed } from "./find-program.ts";
import { createServerDirectory } from "./server-directory.ts";
import { ServerProcess } from "./server-process.ts";
import { findServerUser } from "./server-user.ts";

/** A private PgBouncer in front of a PostgreSQL server. */
export interface PgBouncer extends AsyncDisposable {
  /** The upstream's URL with PgBouncer's host and port. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Such as 1.18.0. */
  readonly version: string;
  readonly isRunning: boolean;
  /** The last lines of its log. */
  log(): string;
  /** Ends it at once; its clients and its connections to the server are cut. */
  stop(): Promise<void>;
  /** Starts it again after a stop, on the same port. */
  start(): Promise<void>;
}

/** Options of {@link startPgBouncer}. */
export interface PgBouncerOptions {
  /** The URL of the server; any of its databases can be reached, as this URL's user. */
  readonly upstreamUrl: string;
  readonly poolMode: "transaction" | "session" | "statement";
  /** Which of the versions that can be had; by default the first that is found. */
  readonly version?: WantedVersion;
  /** Settings of the section `[pgbouncer]`; they win over the defaults. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

const PGBOUNCER: ProgramNeed = {
  name: "pgbouncer",
  oldest: [1, 18],
  advice: "Put PgBouncer on the PATH or into /usr/sbin (on Debian: apt-get install pgbouncer).",
};

/** Starts PgBouncer and waits until it serves; disposing it ends it. */
export async function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  const user = findServerUser();
  const program = await findProgram(PGBOUNCER, user, options.version);
  const directory = await createServerDirectory("pgbouncer", user);
  const settingsPath = join(directory, "pgbouncer.ini");
  const usersPath = join(directory, "users.txt");
  const write = async (file: string, text: string) => {
    await writeFile(file, text, { mode: 0o600 });
    if (user !== undefined) await chown(file, user.uid, user.gid);
  };

  const server = new ServerProcess({
    name: "PgBouncer",
    directory,
    user,
    orphanSignal: "KILL",
    command: async (port) => {
      await write(usersPath, formatUsers(options.upstreamUrl));
      await write(settingsPath, formatSettings(options, port, usersPath));
      return { command: program.command, args: [...program.args, settingsPath] };
    },
    isReady: async (port) => await accepts(port),
  });
  await server.startOnFreePort(options.signal);
  const url = new URL(options.upstreamUrl);
  url.hostname = server.host;
  url.port = String(server.port);
  return {
    url: url.href,
    host: server.host,
    port: server.port,
    version: program.version,
    get isRunning() {
      return server.isRunning;
    },
    log: () => server.log(),
    stop: async () => await server.end("SIGKILL"),
    start: async () => await server.start(),
    [Symbol.asyncDispose]: async () => await server.remove("SIGKILL"),
  };
}

function formatSettings(options: PgBouncerOptions, port: number, usersPath: string): string {
  const { hostname, port: upstreamPort } = new URL(options.upstreamUrl);
  const settings = {
    listen_addr: "127.0.0.1",
    listen_port: String(port),
    // Nothing to listen on beside the port, so that it ends when the port is taken.
    unix_socket_dir: "",
    auth_type: "trust",
    auth_file: usersPath,
    pool_mode: options.poolMode,
    max_client_conn: "500",
    default_pool_size: "20",
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  const upstream = `* = host=${hostname} port=${upstreamPort === "" ? "5432" : upstreamPort}`;
  return `[databases]\n${upstream}\n\n[pgbouncer]\n${lines.join("\n")}\n`;
}

function formatUsers(upstreamUrl: string): string {
  const { username, password } = new URL(upstreamUrl);
  const quote = (text: string) => `"${decodeURIComponent(text).replaceAll('"', '""')}"`;
  return `${quote(username)} ${quote(password)}\n`;
}

async function accepts(port: number): Promise<boolean> {
  const socket = createConnection({ host: "127.0.0.1", port });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
