import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { readNatsInfo } from "../src/nats-info.ts";
import { waitUntil } from "../src/time-limit.ts";
import { isAlive } from "./is-alive.ts";
import { query } from "./query.ts";

interface Started {
  readonly uid: number;
  readonly url: string;
  readonly dataDirectory: string;
  readonly storeDirectory: string;
  readonly natsPort: number;
}

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

describe("a test process that is killed", () => {
  it.each(["SIGKILL", "SIGINT"] as const)("leaves no server and no directory behind after %s", async (signal) => {
    const { child, started } = await startServers();
    const postmaster = await readPid(started);
    const client = new Client({ connectionString: started.url });
    client.on("error", () => {});
    await client.connect();
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    const backend = rows[0]?.pid ?? 0;
    expect([await isAlive(postmaster), await isAlive(backend)]).toEqual([true, true]);

    child.kill(signal);
    await once(child, "exit");

    const { dataDirectory, storeDirectory, natsPort } = started;
    await waitUntil(async () => !existsSync(dirname(dataDirectory)) && !existsSync(dirname(storeDirectory)), {
      limitMs: 15_000,
      describe: () => "the directories are still there",
    });
    expect(await isAlive(postmaster)).toBe(false);
    expect(await isAlive(backend)).toBe(false);
    expect(await readNatsInfo("127.0.0.1", natsPort)).toBeUndefined();
  });
});

describe("a plain user", () => {
  it("runs servers as himself", async () => {
    const { child, started } = await startServers(isRoot ? [NOBODY, NOBODY] : []);

    expect(started.uid).not.toBe(0);
    expect((await stat(started.dataDirectory)).uid).toBe(started.uid);
    expect(await query(started.url, "select current_user")).toEqual([{ current_user: "postgres" }]);
    child.send("stop");
    await once(child, "exit");
    expect(existsSync(dirname(started.dataDirectory))).toBe(false);
  });
});

async function startServers(args: readonly number[] = []): Promise<{ child: ChildProcess; started: Started }> {
  const child = fork(fileURLToPath(new URL("./child/start-servers.ts", import.meta.url)), args.map(String), {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const [started]: unknown[] = await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`the child ended with ${String(code)}`))),
  ]);
  if (!isStarted(started)) throw new Error("the child says something else");
  return { child, started };
}

function isStarted(value: unknown): value is Started {
  return typeof value === "object" && value !== null && "dataDirectory" in value && "natsPort" in value;
}

async function readPid({ dataDirectory }: Started): Promise<number> {
  return Number.parseInt(await readFile(join(dataDirectory, "postmaster.pid"), "utf8"), 10);
}
