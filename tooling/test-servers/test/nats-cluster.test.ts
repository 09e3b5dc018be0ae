import { startNatsCluster } from "test-servers";
import { expect, it } from "vitest";
import { waitUntil } from "../src/time-limit.ts";
import { NatsConnection } from "./nats-connection.ts";

it.each(["oldest", "newest"] as const)(
  "keeps serving a stream with three replicas when the %s version loses one of three servers",
  { timeout: 120_000 },
  async (version) => {
    await using cluster = await startNatsCluster({ version });
    const [first, second] = cluster.servers;
    if (first === undefined || second === undefined) throw new Error("no servers");
    const stream = JSON.stringify({ name: "s", subjects: ["s.*"], storage: "file", num_replicas: 3 });
    await request(first.port, "$JS.API.STREAM.CREATE.s", stream);
    await request(first.port, "s.a", "1");

    await first.kill();
    await waitUntil(async () => await isAnswered(second.port, "s.a", "2"), {
      limitMs: 30_000,
      describe: () => "no new leader",
    });
    await first.start();
    await cluster.settle();

    const info: unknown = JSON.parse(await request(first.port, "$JS.API.STREAM.INFO.s", ""));
    expect(info).toMatchObject({ config: { num_replicas: 3 } });
    expect(cluster.urls).toHaveLength(3);
  },
);

async function request(port: number, subject: string, payload: string): Promise<string> {
  await using connection = await NatsConnection.open(port);
  return await connection.request(subject, payload);
}

async function isAnswered(port: number, subject: string, payload: string): Promise<boolean> {
  return await request(port, subject, payload).then(
    () => true,
    () => false,
  );
}
