import { randomUUID } from "node:crypto";
import { findFreePort } from "./free-port.ts";
import { type NatsOptions, type NatsServer, startNats } from "./nats-server.ts";
import { waitUntil } from "./time-limit.ts";

/** Private NATS servers that form one cluster; each can be killed and started for itself. */
export interface NatsCluster extends AsyncDisposable {
  readonly servers: readonly NatsServer[];
  /** The URLs of all servers. */
  readonly urls: readonly string[];
  /** Such as 2.9.10. */
  readonly version: string;
  /** Waits until every running server is in contact with the leader of JetStream and has caught up with it. */
  settle(): Promise<void>;
}

/** Options of {@link startNatsCluster}. */
export interface NatsClusterOptions extends NatsOptions {
  /** @defaultValue 3 */
  readonly size?: number;
}

interface Member {
  readonly server: NatsServer;
  readonly monitorPort: number;
}

/** Starts a cluster and waits until JetStream has a leader. Never on the server of the environment, which is one of its own. */
export async function startNatsCluster({ size = 3, ...options }: NatsClusterOptions = {}): Promise<NatsCluster> {
  const name = `es-test-${randomUUID()}`;
  const ports = await Promise.all(
    Array.from({ length: size }, async () => ({ route: await findFreePort(), monitor: await findFreePort() })),
  );
  const routes = ports.map(({ route }) => `"nats://127.0.0.1:${route}"`).join(", ");
  const starts = await Promise.allSettled(
    ports.map(async ({ route, monitor }): Promise<Member> => {
      const cluster = `cluster { name: "${name}", listen: "127.0.0.1:${route}", routes: [${routes}] }`;
      const config = [`http: "127.0.0.1:${monitor}"`, cluster, options.config ?? ""].join("\n");
      return { server: await startNats({ ...options, config, isPrivate: true }), monitorPort: monitor };
    }),
  );
  const members = starts.filter((start) => start.status === "fulfilled").map(({ value }) => value);
  const remove = async () => {
    await Promise.all(members.map(async ({ server }) => await server[Symbol.asyncDispose]()));
  };
  try {
    for (const start of starts) if (start.status === "rejected") throw start.reason;
    await settle(members, options.signal);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    servers: members.map(({ server }) => server),
    urls: members.map(({ server }) => server.url),
    version: members[0]?.server.version ?? "",
    settle: async () => await settle(members, undefined),
    [Symbol.asyncDispose]: remove,
  };
}

async function settle(members: readonly Member[], signal: AbortSignal | undefined): Promise<void> {
  for (const { server, monitorPort } of members) {
    await waitUntil(async () => !server.isRunning || (await isHealthy(monitorPort)), {
      limitMs: 60_000,
      signal,
      describe: () => `The server at ${server.url} has not joined the cluster. Its log ends with:\n${server.log()}`,
    });
  }
}

async function isHealthy(monitorPort: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${monitorPort}/healthz`, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
