import { connect } from "@nats-io/transport-node";
import { startNatsCluster } from "test-servers";
import { expect, it } from "vitest";
import { openNatsEventStore } from "../src/index.ts";
import { survive } from "./survive.ts";

it("keeps what a cluster of the newest servers acknowledged while one after the other is killed and started again", async () => {
  await using cluster = await startNatsCluster({ version: "newest" });
  const { urls } = cluster;
  const options = { direct: urls, through: [urls, urls], replicas: 3, timeoutMs: 10_000 };

  await survive(options, async (load) => {
    for (const server of cluster.servers) {
      await server.kill();
      await load.progress(100);
      await server.start();
      await cluster.settle();
      await load.progress(100);
    }
  });
}, 180_000);

it("keeps what was acknowledged while the leaders of the streams step down under load", async () => {
  await using cluster = await startNatsCluster({ version: "newest" });
  const { urls } = cluster;
  const name = "moving";
  await using connection = await connect({ servers: [...urls] });
  const leaders = new Set<string>();

  const load = await survive(
    { direct: urls, through: [urls, urls], replicas: 3, name, timeoutMs: 10_000 },
    async (current) => {
      for (let round = 0; round < 8; round += 1) {
        const answer = await connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${name}-events`, "", {
          timeout: 5_000,
        });
        expect(answer.json()).toMatchObject({ success: true });
        await current.progress(200);
        const info = await connection.request(`$JS.API.STREAM.INFO.${name}-events`, "", { timeout: 5_000 });
        leaders.add(info.json<{ cluster: { leader: string } }>().cluster.leader);
      }
    },
  );

  expect(leaders.size).toBeGreaterThan(1);
  expect([...load.errors.keys()].filter((code) => code !== "ES_CONCURRENCY")).toStrictEqual([]);
}, 120_000);

it("says that appends are replicated, and refuses more replicas than there are servers", async () => {
  await using cluster = await startNatsCluster({ version: "newest" });
  const { urls: servers } = cluster;
  await using store = await openNatsEventStore({ servers, replicas: 3 });

  expect(store.capabilities.durability).toBe("replicated");
  await expect(openNatsEventStore({ servers, name: "five", replicas: 5 })).rejects.toMatchObject({
    code: "ES_CONFIGURATION",
    message: expect.stringContaining("too few servers"),
  });
}, 60_000);

it("refuses replicas on servers of 2.9, which lose acknowledged events when one is killed", async () => {
  await using cluster = await startNatsCluster({ version: "oldest" });

  await expect(openNatsEventStore({ servers: cluster.urls, replicas: 3 })).rejects.toMatchObject({
    code: "ES_CONFIGURATION",
    message: expect.stringContaining("upgrade the cluster"),
  });
  await using store = await openNatsEventStore({ servers: cluster.urls });
  expect(store.capabilities.durability).toBe("buffered");
}, 60_000);
