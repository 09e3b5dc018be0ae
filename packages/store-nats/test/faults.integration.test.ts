import { setTimeout as sleep } from "node:timers/promises";
import { Child, readLog } from "test-helpers";
import { CountLoad } from "test-helpers/count-load";
import { startNats, startTcpProxy } from "test-servers";
import { describe, expect, it } from "vitest";
import { openNatsEventStore } from "../src/index.ts";
import { survive } from "./survive.ts";

describe.each(["oldest", "newest"] as const)("the %s server", (version) => {
  it("is stopped for a while, several times: nothing is lost, doubled or refused wrongly", async () => {
    await using server = await startNats({ version, isPrivate: true });

    await survive({ direct: server.url, through: [server.url, server.url] }, async (load) => {
      for (const ms of [900, 900, 900, 3_000]) {
        server.pause();
        await sleep(ms);
        server.resume();
        await load.progress(300);
      }
    });
  }, 60_000);

  it("is killed with SIGKILL and started again, several times", async () => {
    await using server = await startNats({ version, isPrivate: true });

    await survive({ direct: server.url, through: [server.url, server.url] }, async (load) => {
      for (let round = 0; round < 5; round += 1) {
        await server.kill();
        await server.start();
        await load.progress(300);
      }
    });
  }, 60_000);

  it("is away for longer than the time limit: appends end with what happened to them, and go on later", async () => {
    await using server = await startNats({ version, isPrivate: true });

    const load = await survive({ direct: server.url, through: [server.url, server.url] }, async () => {
      await server.kill();
      await sleep(5_000);
      await server.start();
    });

    expect([...load.errors.keys()]).toContain("ES_STORE_UNAVAILABLE");
  }, 60_000);

  it("loses its connections in the middle of requests and answers", async () => {
    await using server = await startNats({ version, isPrivate: true });
    await using proxy = await startTcpProxy(server);
    const through = proxy.urlFor(server.url);

    await survive({ direct: server.url, through: [through, through] }, async (load) => {
      for (let round = 0; round < 8; round += 1) {
        await proxy.cutAfterBytes(20_000 + round * 7_777, round % 2 === 0 ? "to-client" : "to-server");
        await load.progress(200);
      }
      proxy.cutAll();
      await load.progress(200);
      // Nothing answers and nothing breaks.
      proxy.pause();
      await sleep(1_500);
      proxy.resume();
    });
  }, 60_000);

  it("is killed, stopped and cut off while 16 writers count in one register: none is lost, none counted twice", async () => {
    await using server = await startNats({ version, isPrivate: true });
    await using proxy = await startTcpProxy(server);
    await using store = await openNatsEventStore({ servers: proxy.urlFor(server.url) });
    const load = new CountLoad(store.registers, 16);

    for (let round = 0; round < 4; round += 1) {
      await proxy.cutAfterBytes(3_000 + round * 777, round % 2 === 0 ? "to-client" : "to-server");
      await server.kill();
      await server.start();
      await proxy.cutAfterBytes(5_000, "to-client");
      server.pause();
      await sleep(300);
      server.resume();
    }

    await load.reconcile();
  }, 60_000);

  it("outlives its clients: what a killed process was told is stored, and what it repeats is recognised", async () => {
    await using server = await startNats({ version, isPrivate: true });
    const name = "killed";
    await using store = await openNatsEventStore({ servers: server.url, name });
    const sent = new Map<string, Sent>();
    const acknowledged = new Map<string, string>();

    for (let round = 0; round < 4; round += 1) {
      const child = new Child(new URL("./child/write.ts", import.meta.url), { servers: server.url, name, round });
      const known = acknowledged.size;
      await child.said(isAcknowledged, 201);
      await child.kill();
      for (const line of child.lines) {
        if (isSent(line)) sent.set(line.sent, line);
        if (isAcknowledged(line)) acknowledged.set(line.acknowledged, line.position);
      }
      expect(acknowledged.size).toBeGreaterThan(known);
    }

    const log = await readLog(store);
    const positions = new Map(log.map(({ id, position }) => [id, position]));
    expect(positions.size).toBe(log.length);
    for (const id of positions.keys()) expect(sent.has(id)).toBe(true);
    for (const [id, position] of acknowledged) expect(positions.get(id)).toBe(position);
    // What was sent and not answered: a repetition finds it, or stores it now.
    for (const { sent: id, streamId, expected } of sent.values()) {
      if (acknowledged.has(id)) continue;
      const write = { streamId, expected, events: [{ id, type: "Written", data: {} }] };
      const outcome = await store.append(write).then(
        ({ duplicate }) => (duplicate ? "found" : "stored"),
        ({ code }: { code?: string }) => code,
      );
      expect(outcome).toMatch(positions.has(id) ? /^found$/ : /^stored$|^ES_CONCURRENCY$/);
    }
    const ids = (await readLog(store)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  }, 60_000);
});

interface Sent {
  readonly sent: string;
  readonly streamId: string;
  readonly expected: number;
}

interface Acknowledged {
  readonly acknowledged: string;
  readonly position: string;
}

function isSent(line: unknown): line is Sent {
  return typeof line === "object" && line !== null && "sent" in line;
}

function isAcknowledged(line: unknown): line is Acknowledged {
  return typeof line === "object" && line !== null && "acknowledged" in line;
}
