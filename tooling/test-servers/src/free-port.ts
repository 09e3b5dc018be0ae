import { once } from "node:events";
import { createServer } from "node:net";

// Below the range from which systems choose ports for outgoing connections: a stopped server finds its port free again.
const LOWEST = 20_000;
const HIGHEST = 29_999;

/** A loopback port that nobody listens on at this moment. Another process may still take it, so callers try again. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    if (await isFree(port)) return port;
  }
  throw new Error(`found no free port between ${LOWEST} and ${HIGHEST} on 127.0.0.1 in 100 attempts`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host: "127.0.0.1", exclusive: true });
    await once(server, "listening");
    server.close();
    await once(server, "close");
    return true;
  } catch {
    return false;
  }
}
