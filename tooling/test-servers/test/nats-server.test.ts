import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { startNats } from "test-servers";
import { describe, expect, it } from "vitest";
import { findProgram } from "../src/find-program.ts";
import { readNatsInfo } from "../src/nats-info.ts";
import { NATS } from "../src/nats-server.ts";
import { NatsConnection } from "./nats-connection.ts";

describe("startNats", () => {
  it("keeps acknowledged messages over a kill, a stop and a restart, on the same port", async () => {
    await using server = await startNats();
    const { url, port } = server;
    await request(port, "$JS.API.STREAM.CREATE.s", JSON.stringify({ name: "s", subjects: ["s.*"], storage: "file" }));

    await request(port, "s.a", "1");
    await server.kill();
    expect(server.isRunning).toBe(false);
    expect(await readNatsInfo("127.0.0.1", port)).toBeUndefined();
    await server.start();
    await request(port, "s.a", "2");
    await server.stop();
    await server.start();
    await request(port, "s.a", "3");
    await server.restart();

    expect(server.url).toBe(url);
    const info: unknown = JSON.parse(await request(port, "$JS.API.STREAM.INFO.s", ""));
    expect(info).toMatchObject({ state: { messages: 3 } });
  });

  it("runs the oldest and the newest version side by side", { timeout: 180_000 }, async () => {
    await using oldest = await startNats({ version: "oldest" });
    await using newest = await startNats({ version: "newest" });

    expect(await readNatsInfo("127.0.0.1", oldest.port)).toMatchObject({ version: oldest.version, jetstream: true });
    expect(await readNatsInfo("127.0.0.1", newest.port)).toMatchObject({ version: newest.version, jetstream: true });
    expect(oldest.version).toMatch(/^2\.9\./);
    expect(newest.version).toMatch(/^2\.1[2-9]\./);
  });

  it("does not answer while it is paused", async () => {
    await using server = await startNats();
    server.pause();

    const isAnswered = readNatsInfo("127.0.0.1", server.port);

    expect(await isAnswered).toBeUndefined();
    server.resume();
    expect(await readNatsInfo("127.0.0.1", server.port)).toMatchObject({ version: server.version });
  });

  it("takes more configuration, and can do without JetStream", async () => {
    await using server = await startNats({ jetstream: false, config: "max_payload: 4096" });

    const info = await readNatsInfo("127.0.0.1", server.port);

    expect(info).toMatchObject({ max_payload: 4096 });
    expect(info).not.toHaveProperty("jetstream");
  });

  it("answers nothing from the moment on in which it is paused", async () => {
    await using server = await startNats({ isPrivate: true });
    await using connection = await NatsConnection.open(server.port);

    for (let round = 0; round < 40; round += 1) {
      await connection.request("$JS.API.INFO", "");
      server.pause();
      const answer = connection.request("$JS.API.INFO", "");
      const first = await Promise.race([answer.then(() => "answered"), sleep(10, "silent")]);
      server.resume();
      await answer;
      expect(first).toBe("silent");
    }
  });

  it("removes its store when it is disposed", async () => {
    const server = await startNats();
    expect(existsSync(server.storeDirectory)).toBe(true);

    await server[Symbol.asyncDispose]();

    expect(existsSync(server.storeDirectory)).toBe(false);
  });

  it("shows the last lines of the log when the server does not start", async () => {
    await expect(startNats({ config: "max_payload: {" })).rejects.toThrow(
      /ended with 1 while it started[^]*Parse error on line/,
    );
  });

  it("says what to install when no server is found", async () => {
    const places = { searchPath: "/nowhere", otherDirectories: [], debianRelease: undefined };

    await expect(findProgram(NATS, undefined, undefined, places)).rejects.toThrow("apt-get install nats-server");
  });
});

async function request(port: number, subject: string, payload: string): Promise<string> {
  await using connection = await NatsConnection.open(port);
  return await connection.request(subject, payload);
}
