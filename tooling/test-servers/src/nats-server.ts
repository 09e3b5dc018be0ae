import { randomUUID } from "node:crypto";
import { chown, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { WantedVersion } from "./find-postgres.ts";
import { findProgram, type ProgramNeed } from "./find-program.ts";
import { readNatsInfo } from "./nats-info.ts";
import { createOwnedDirectory, createServerDirectory } from "./server-directory.ts";
import { ServerProcess } from "./server-process.ts";
import { findServerUser } from "./server-user.ts";

/** A private NATS server, or the one that `ES_TEST_NATS_URL` names. */
export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Such as 2.9.10. */
  readonly version: string;
  /** Where JetStream keeps its files; empty for a server of the environment. */
  readonly storeDirectory: string;
  readonly isRunning: boolean;
  /** The last lines of the server's log. */
  log(): string;
  /** Shuts the server down in order. */
  stop(): Promise<void>;
  /** Kills the server with SIGKILL. */
  kill(): Promise<void>;
  /** Starts the server again after a stop, a kill or a crash, with the same store and on the same port. */
  start(): Promise<void>;
  /** `stop` and `start`. */
  restart(): Promise<void>;
  /** Stops the process with SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  /** Lets a paused process go on. */
  resume(): void;
}

/** Options of {@link startNats}. */
export interface NatsOptions {
  /** Which of the versions that can be had; by default the first that is found. */
  readonly version?: WantedVersion;
  /** Settings of JetStream beside its directory, such as `{ sync_interval: "always" }`; `false` turns it off. */
  readonly jetstream?: Readonly<Record<string, string>> | false;
  /** More of the configuration file, for users, limits or TLS. */
  readonly config?: string;
  /** Whether to start a server even when the environment names one. @defaultValue false */
  readonly isPrivate?: boolean;
  readonly signal?: AbortSignal;
}

/** Where the server comes from. */
export const NATS: ProgramNeed = {
  name: "nats-server",
  oldest: [2, 9],
  advice:
    "Put nats-server 2.9.10 or later on the PATH (on Debian: apt-get install nats-server), or set ES_TEST_NATS_URL to a server " +
    "with JetStream that the tests may use.",
};

/** Starts a private server with JetStream and waits until it serves; disposing it ends it and removes its store. */
export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  const borrowedUrl = process.env["ES_TEST_NATS_URL"];
  if (borrowedUrl !== undefined && borrowedUrl !== "" && options.isPrivate !== true)
    return await borrowNats(borrowedUrl);
  const user = findServerUser();
  const program = await findProgram(NATS, user, options.version);
  const directory = await createServerDirectory("nats", user);
  const storeDirectory = join(directory, "store");
  await createOwnedDirectory(storeDirectory, user);
  const configPath = join(directory, "nats.conf");
  const name = `es-test-${randomUUID()}`;

  const server = new ServerProcess({
    name: "nats-server",
    directory,
    user,
    orphanSignal: "KILL",
    command: async (port) => {
      await writeFile(configPath, formatConfig(options, { port, name, storeDirectory }), { mode: 0o600 });
      if (user !== undefined) await chown(configPath, user.uid, user.gid);
      return { command: program.command, args: [...program.args, "--config", configPath] };
    },
    // By its name, since another server may have been quicker on this port.
    isReady: async (port) => (await readNatsInfo("127.0.0.1", port))?.server_name === name,
  });
  await server.startOnFreePort(options.signal);
  return {
    url: `nats://${server.host}:${server.port}`,
    host: server.host,
    port: server.port,
    version: program.version,
    storeDirectory,
    get isRunning() {
      return server.isRunning;
    },
    log: () => server.log(),
    stop: async () => await server.end("SIGTERM"),
    kill: async () => await server.end("SIGKILL"),
    start: async () => await server.start(),
    restart: async () => {
      await server.end("SIGTERM");
      await server.start();
    },
    pause: () => server.signal("SIGSTOP"),
    resume: () => server.signal("SIGCONT"),
    [Symbol.asyncDispose]: async () => await server.remove("SIGKILL"),
  };
}

function formatConfig(
  { jetstream = {}, config = "" }: NatsOptions,
  { port, name, storeDirectory }: { readonly port: number; readonly name: string; readonly storeDirectory: string },
): string {
  const settings = Object.entries({ store_dir: JSON.stringify(storeDirectory), ...jetstream });
  const lines = settings.map(([key, value]) => `  ${key}: ${value}`);
  return [
    `listen: "127.0.0.1:${port}"`,
    `server_name: "${name}"`,
    ...(jetstream === false ? [] : ["jetstream {", ...lines, "}"]),
    config,
    "",
  ].join("\n");
}

/** A server that others run; it can be used, but neither stopped nor killed, and what tests write stays there. */
async function borrowNats(url: string): Promise<NatsServer> {
  const { hostname: host, port: portText } = new URL(url);
  const port = Number(portText === "" ? "4222" : portText);
  const info = await readNatsInfo(host, port);
  if (info === undefined) throw new Error(`No NATS server answers at ES_TEST_NATS_URL, ${host}:${port}: start it.`);
  const say = () =>
    new Error(
      "The server of ES_TEST_NATS_URL is not ours to stop: unset the variable for tests that do, they then start their own.",
    );
  const refuse = async (): Promise<never> => await Promise.reject(say());
  const refuseNow = (): never => {
    throw say();
  };
  return {
    url,
    host,
    port,
    version: info.version,
    storeDirectory: "",
    isRunning: true,
    log: () => "",
    stop: refuse,
    kill: refuse,
    start: refuse,
    restart: refuse,
    pause: refuseNow,
    resume: refuseNow,
    [Symbol.asyncDispose]: async () => {},
  };
}
