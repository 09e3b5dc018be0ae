import { setTimeout as sleep } from "node:timers/promises";
import { isEventSourcingError } from "@es/core";
import { type KurrentDouble, startKurrentDouble } from "kurrentdb-double";
import { readLog, writeOf } from "test-helpers";
import { LiveLog } from "test-helpers/live-log";
import { describe, expect, it } from "vitest";
import { openKurrentDbEventStore } from "../src/index.ts";
import { survive } from "./survive.ts";

interface Trio extends AsyncDisposable {
  readonly nodes: readonly [KurrentDouble, KurrentDouble, KurrentDouble];
  /** All three, found by gossip. */
  readonly connectionString: string;
}

async function startCluster(): Promise<Trio> {
  const first = await startKurrentDouble({ personality: "26.2" });
  const second = await startKurrentDouble({ personality: "26.2", peer: first });
  const third = await startKurrentDouble({ personality: "26.2", peer: first });
  const nodes = [first, second, third] as const;
  const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`).join(",");
  return {
    nodes,
    connectionString: `kurrentdb://${hosts}?tls=false&discoveryInterval=10`,
    async [Symbol.asyncDispose]() {
      for (const node of nodes.toReversed()) await node[Symbol.asyncDispose]();
    },
  };
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    return isEventSourcingError(error) ? `${error.code}: ${error.message}` : String(error);
  }
}

describe("a cluster", () => {
  it("is served by its leader, which gossip tells, wherever it stands in the connection string", async () => {
    await using cluster = await startCluster();
    const { nodes, connectionString } = cluster;
    for (const node of nodes) {
      node.lead();
      const before = nodes.map(({ calls }) => calls.length);
      await using store = await openKurrentDbEventStore({ connectionString });
      await store.append([writeOf("a-1"), writeOf("b-1")]);
      await readLog(store);

      const served = nodes.filter(({ calls }, index) =>
        calls.slice(before[index]).some(({ operation }) => operation === "append"),
      );
      expect(served).toStrictEqual([node]);
    }
  });

  it("changes its leader under load, which keeps its connections: nothing is lost, doubled or out of order", async () => {
    await using cluster = await startCluster();
    await survive({ connectionString: cluster.connectionString }, async (load) => {
      for (const leader of [1, 2, 0, 1, 0, 2] as const) {
        cluster.nodes[leader].lead();
        await load.progress(60);
      }
    });
  }, 90_000);

  it("loses its leader under load, and gets another one after a while", async () => {
    await using cluster = await startCluster();
    const { nodes } = cluster;
    await survive({ connectionString: cluster.connectionString }, async (load) => {
      for (const [lost, next] of [
        [0, 1],
        [1, 2],
        [2, 0],
      ] as const) {
        await nodes[lost].stop();
        await sleep(300);
        nodes[next].lead();
        await load.progress(60);
        await nodes[lost].restart();
      }
    });
  }, 90_000);

  it("changes its leader while appends over several streams are under way, each of which is stored once", async () => {
    await using cluster = await startCluster();
    const { nodes, connectionString } = cluster;
    await using store = await openKurrentDbEventStore({ connectionString, timeoutMs: 10_000 });
    const pairs = Array.from({ length: 60 }, (_, n) => [writeOf(`a-${n % 5}`, "any", 2), writeOf(`b-${n}`, 0)]);
    const appends = pairs.map(async (writes, n) => {
      await sleep(n * 10);
      return await store.append(writes);
    });
    for (const leader of [1, 2, 0] as const) {
      await sleep(150);
      nodes[leader].lead();
    }

    const results = await Promise.all(appends);

    expect(results.map(({ duplicate }) => duplicate)).not.toContain(true);
    const log = await readLog(store);
    expect(log.map(({ id }) => id).toSorted()).toStrictEqual(
      pairs.flatMap((writes) => writes.flatMap(({ events }) => events.map(({ id }) => id ?? ""))).toSorted(),
    );
  }, 60_000);

  it("without a leader ends calls within their time, and says that nothing was written", async () => {
    await using cluster = await startCluster();
    const { nodes, connectionString } = cluster;
    await using store = await openKurrentDbEventStore({ connectionString, timeoutMs: 2_000 });
    await store.append(writeOf("a-1", 0));
    const live = new LiveLog(store);
    nodes[0].resign();

    expect(await failureOf(store.append(writeOf("a-1", 1)))).toMatch(/^ES_STORE_UNAVAILABLE: nothing was written/);
    expect(await failureOf(store.head())).toMatch(/^ES_STORE_UNAVAILABLE/);
    nodes[2].lead();

    const write = writeOf("a-1", 1);
    expect((await store.append(write)).versions).toStrictEqual([2]);
    await live.shows(write.events[0]?.id);
    await live.stop();
    expect(live.events).toStrictEqual(await readLog(store));
  }, 30_000);

  it("is reached through a follower, which says for appends over several streams where the leader is", async () => {
    await using cluster = await startCluster();
    const [leader, follower] = cluster.nodes;
    const { connectionString } = follower;
    await using store = await openKurrentDbEventStore({ connectionString, timeoutMs: 3_000 });

    expect((await store.append(writeOf("a-1", 0))).versions).toStrictEqual([1]);
    expect(await readLog(store)).toHaveLength(1);
    expect(await failureOf(store.append([writeOf("a-1", 1), writeOf("b-1", 0)]))).toMatch(
      new RegExp(`^ES_STORE_UNAVAILABLE: nothing was written: .*not the leader.*127.0.0.1:${leader.port}`),
    );
    expect(await readLog(store)).toHaveLength(1);
  }, 30_000);
});
