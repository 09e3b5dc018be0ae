import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Personality, startKurrentDouble, startKurrentDoubleProcess } from "kurrentdb-double";
import { CountLoad } from "test-helpers/count-load";
import { describe, expect, it } from "vitest";
import { openKurrentDbEventStore } from "../src/index.ts";
import { survive } from "./survive.ts";

describe.each<Personality>(["current", "24.10"])("under load, a server like %s", (personality) => {
  it("is stopped as by a crash and started again, several times: nothing is lost, doubled or out of order", async () => {
    await using double = await startKurrentDouble({ personality });

    await survive({ connectionString: double.connectionString }, async (load) => {
      for (let round = 0; round < 4; round += 1) {
        await double.stop();
        await sleep(100);
        await double.restart();
        await load.progress(100);
      }
    });
  }, 90_000);

  it("loses answers in every way there is", async () => {
    await using double = await startKurrentDouble({ personality });

    await survive({ connectionString: double.connectionString }, async (load) => {
      const manners = ["drop", "stall", "end", "timeout"] as const;
      for (const [moment, hows] of [
        ["before", [...manners, "not-ready"]],
        ["after", manners],
      ] as const) {
        for (const how of hows) {
          const fault = double.misbehave({ on: ["append", "read"], how, moment, times: 3, skip: 5 });
          await fault.hit;
          await load.progress(50);
        }
      }
    });
  }, 90_000);
});

describe("under load, a server", () => {
  it("in a process of its own is killed and started again", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kurrentdb-double-"));
    try {
      await using double = await startKurrentDoubleProcess({ file: join(folder, "log") });
      await survive({ connectionString: double.connectionString }, async (load) => {
        for (let round = 0; round < 3; round += 1) {
          await double.kill();
          await double.start();
          await load.progress(100);
        }
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 90_000);

  it("is away for longer than the time limit: appends end with what happened to them, and go on later", async () => {
    await using double = await startKurrentDouble();

    const load = await survive({ connectionString: double.connectionString, timeoutMs: 1_000 }, async () => {
      await double.stop();
      await sleep(2_500);
      await double.restart();
    });

    expect([...load.errors.keys()]).toContain("ES_STORE_UNAVAILABLE");
  }, 90_000);

  it("goes silent on open connections for a while", async () => {
    await using double = await startKurrentDouble();

    await survive({ connectionString: double.connectionString }, async (load) => {
      double.freezeConnections();
      await sleep(2_000);
      double.behave();
      await load.progress(100);
      double.dropConnections();
    });
  }, 90_000);

  it("is stopped while 8 writers count in one register: none is lost, none counted twice", async () => {
    await using double = await startKurrentDouble();
    await using store = await openKurrentDbEventStore({ connectionString: double.connectionString, timeoutMs: 3_000 });
    const load = new CountLoad(store.registers, 8);
    for (let round = 0; round < 4; round += 1) {
      const target = load.counted + 20;
      await expect.poll(() => load.counted, { timeout: 15_000 }).toBeGreaterThan(target);
      double.misbehave({ on: "append", how: "drop", moment: "after", times: 2 });
      await double.stop();
      await double.restart();
    }

    await load.reconcile();
  }, 90_000);
});
