import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NO_STREAM, NotLeaderError, START } from "@kurrent/kurrentdb-client";
import { startKurrentDouble, startKurrentDoubleProcess } from "kurrentdb-double";
import { describe, expect, it } from "vitest";
import { collect, connect, numbered, PATIENTLY, received, revisions } from "./client.ts";

describe("the double", () => {
  it("starts again on its port with its log, and without its memory of event ids", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    const { client } = connection;
    const events = numbered(2);
    await client.appendToStream("s", events);
    const subscription = received(client.subscribeToStream("s", { fromRevision: START }));
    await subscription.count(2);
    expect(await collect(client.readStream("s"))).toHaveLength(2);

    await double.stop();
    await expect(subscription.ended).rejects.toThrow();
    await expect(client.appendToStream("s", numbered(1))).rejects.toThrow();
    await double.restart();

    await expect.poll(() => readRevisions(client), PATIENTLY).toEqual([0n, 1n]);
    expect(await client.appendToStream("s", events)).toMatchObject({ nextExpectedRevision: 3n });
  });

  it("can be stopped and disposed of more than once", async () => {
    const double = await startKurrentDouble();

    await double.stop();
    await double.stop();
    await double[Symbol.asyncDispose]();
    await double[Symbol.asyncDispose]();

    await using connection = connect(double);
    await expect(connection.client.appendToStream("s", numbered(1))).rejects.toThrow();
  });

  it("is stopped by its signal", async () => {
    const controller = new AbortController();
    const double = await startKurrentDouble({ signal: controller.signal });
    await using connection = connect(double);
    await connection.client.appendToStream("s", numbered(1));

    controller.abort();

    await expect.poll(() => double.connectionCount, PATIENTLY).toBe(0);
    await expect(startKurrentDouble({ signal: controller.signal })).rejects.toThrow("aborted");
  });

  it("has the log of its peer, to which it can send clients as the leader", async () => {
    await using leader = await startKurrentDouble();
    await using follower = await startKurrentDouble({ peer: leader });
    await using connection = connect(follower);
    const { client } = connection;
    const elsewhere = { how: "wrong-leader", host: "127.0.0.1", port: leader.port } as const;
    follower.misbehave({ on: ["append", "read"], ...elsewhere });

    await expect(client.appendToStream("s", numbered(1))).rejects.toThrow(NotLeaderError);
    await client.appendToStream("s", numbered(1));
    await expect(collect(client.readStream("s"))).rejects.toThrow(NotLeaderError);

    expect(await readRevisions(client)).toEqual([0n]);
    expect(follower.log).toBe(leader.log);
    expect(leader.calls.map(({ method }) => method)).toEqual(expect.arrayContaining(["BatchAppend", "Read"]));
  });

  it("notes the calls of its clients", async () => {
    await using double = await startKurrentDouble();
    await using connection = connect(double);
    await connection.client.appendToStream("s", numbered(1));

    expect(double.calls).toEqual([
      { method: "GetSupportedMethods", operation: "methods", streams: [] },
      { method: "BatchAppend", operation: "append", streams: ["s"] },
    ]);
  });

  it("is found by discovery", async () => {
    await using double = await startKurrentDouble();
    const { port } = double;
    await using connection = connect({ connectionString: `kurrentdb+discover://127.0.0.1:${port}?tls=false` });
    const { client } = connection;

    await client.appendToStream("s", numbered(1));

    expect(await readRevisions(client)).toEqual([0n]);
    expect(double.calls.some(({ operation }) => operation === "gossip")).toBe(true);
  });
});

describe("a double in a process of its own", () => {
  it("keeps what it has answered in its file when it is killed", async () => {
    const directory = await mkdtemp(join(tmpdir(), "kurrentdb-double-"));
    try {
      await using double = await startKurrentDoubleProcess({ file: join(directory, "log") });
      await using connection = connect(double);
      const { client } = connection;
      const events = numbered(3);
      const first = await client.appendToStream("s", events, { streamState: NO_STREAM });
      expect(await readRevisions(client)).toEqual([0n, 1n, 2n]);

      await double.kill();
      await expect(client.appendToStream("s", numbered(1))).rejects.toThrow();
      await double.start();

      await expect.poll(() => readRevisions(client), PATIENTLY).toEqual([0n, 1n, 2n]);
      expect(await client.appendToStream("s", events, { streamState: NO_STREAM })).toEqual(first);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("ends with the process that has started it, also by SIGKILL", async () => {
    const index = new URL("../src/index.ts", import.meta.url).href;
    const script = `const { startKurrentDoubleProcess } = await import("${index}");
      const { pid } = await startKurrentDoubleProcess();
      process.stdout.write(String(pid));
      setInterval(() => {}, 1_000);`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [output] = await once(parent.stdout, "data");
    const pid = Number(output);
    expect(isRunning(pid)).toBe(true);

    parent.kill("SIGKILL");

    await expect.poll(() => isRunning(pid), PATIENTLY).toBe(false);
  });

  it("loses its log without a file", async () => {
    await using double = await startKurrentDoubleProcess({ personality: "24.10" });
    await using first = connect(double);
    await first.client.appendToStream("s", numbered(1));
    const { pid } = double;

    await double.kill();
    await double.start();

    expect(double.pid).not.toBe(pid);
    await using second = connect(double);
    const result = await second.client.appendToStream("s", numbered(1), { streamState: NO_STREAM });
    expect(result.nextExpectedRevision).toBe(0n);
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function readRevisions(client: ReturnType<typeof connect>["client"]): Promise<unknown> {
  try {
    return revisions(await collect(client.readStream("s")));
  } catch (error) {
    return error;
  }
}
