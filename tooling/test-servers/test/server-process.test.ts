import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { findFreePort } from "../src/free-port.ts";
import { createServerDirectory } from "../src/server-directory.ts";
import { ServerProcess, type ServerRecipe } from "../src/server-process.ts";
import { logPath } from "../src/spawned-process.ts";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";

describe("ServerProcess", () => {
  it("takes another port when somebody else was quicker", async () => {
    const taken = await findFreePort();
    const other = createServer().listen(taken, "127.0.0.1");
    await once(other, "listening");
    const ports = [taken, taken];
    const server = new ServerProcess(await recipe(LISTENER));

    await server.startOnFreePort(undefined, async () => ports.pop() ?? (await findFreePort()));

    expect(server.isRunning).toBe(true);
    expect(server.port).not.toBe(taken);
    await server.remove("SIGTERM");
    other.close();
  });

  it("shows the log and removes its directory when the server ends while it starts", async () => {
    const failing = await recipe(`console.log("no disk"); process.exit(3);`);
    const server = new ServerProcess(failing);

    await expect(server.startOnFreePort(undefined)).rejects.toThrow(
      /listener ended with 3 while it started[^]*no disk/,
    );
    expect(existsSync(failing.directory)).toBe(false);
  });

  it("ends the server and removes its directory when the start is aborted", async () => {
    const silent = await recipe(`setInterval(() => {}, 1000);`);
    const server = new ServerProcess(silent);
    const controller = new AbortController();

    const start = server.startOnFreePort(controller.signal);
    controller.abort(new Error("enough"));

    await expect(start).rejects.toThrow("enough");
    expect(server.isRunning).toBe(false);
    expect(existsSync(silent.directory)).toBe(false);
  });

  it("refuses to start twice", async () => {
    const server = new ServerProcess(await recipe(LISTENER));
    await server.startOnFreePort(undefined);

    await expect(server.start()).rejects.toThrow("is running already");
    await server.remove("SIGKILL");
  });

  it("knows when the server has ended by itself, and starts it again", async () => {
    const server = new ServerProcess(await recipe(LISTENER));
    await server.startOnFreePort(undefined);
    const { port } = server;

    server.signal("SIGTERM");
    await server.end("SIGTERM");
    expect(server.isRunning).toBe(false);
    await server.start();

    expect([server.isRunning, server.port]).toEqual([true, port]);
    await server.remove("SIGKILL");
  });
});

const LISTENER = `require("node:net").createServer().listen(PORT, "127.0.0.1", () => console.log("ready " + process.pid));`;

async function recipe(script: string): Promise<ServerRecipe> {
  const directory = await createServerDirectory("listener", undefined);
  return {
    name: "listener",
    directory,
    user: undefined,
    orphanSignal: "KILL",
    command: async (port) => ({ command: process.execPath, args: ["-e", script.replace("PORT", String(port))] }),
    isReady: async (_port, pid) => (await readFile(logPath(directory), "utf8")).includes(`ready ${pid}`),
  };
}
