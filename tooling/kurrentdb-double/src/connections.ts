import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { createQuickAck } from "./quick-ack.ts";

/** The way in: passes bytes between clients and the server, and can stop doing so. */
export interface Connections {
  readonly port: number;
  /** Connections of clients that are open. */
  readonly count: number;
  /** Accepts connections again, on the same port. */
  open(): Promise<void>;
  /** Accepts none any more and breaks those there are. */
  close(): Promise<void>;
  /** Breaks the connection whose end at the server has this address, or all. */
  drop(peer?: string): void;
  /** Passes nothing on, in either direction, but keeps all connections; also those that come. */
  freeze(): void;
  /** Passes on what was held back, and all that follows. */
  thaw(): void;
}

// Below the range from which systems choose ports for outgoing connections: a stopped server finds its port free again.
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 29_999;
const ATTEMPTS = 100;

/** How clients connect. */
export interface ConnectionOptions {
  /** Any free one without it. */
  readonly port: number | undefined;
  /** Nothing can be put between encrypted frames, so small reads are slow. */
  readonly isEncrypted: boolean;
}

/** Opens a port for clients, the given one or any, and leads them to the server behind. */
export async function openConnections(upstreamPort: number, options: ConnectionOptions): Promise<Connections> {
  const { port: wantedPort, isEncrypted } = options;
  const pairs = new Map<Socket, Socket>();
  let isFrozen = false;

  function accept(client: Socket): void {
    const server = createConnection({ port: upstreamPort, host: "127.0.0.1" });
    pairs.set(client, server);
    if (!isEncrypted) acknowledgeQuickly(client, server);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.setNoDelay(true);
      from.on("data", (chunk) => {
        if (!to.write(chunk)) from.pause();
      });
      to.on("drain", () => isFrozen || from.resume());
      from.on("end", () => to.end());
      from.on("error", () => to.destroy());
      from.on("close", () => {
        to.destroy();
        pairs.delete(client);
      });
      if (isFrozen) from.pause();
    }
  }

  const forEachSocket = (act: (socket: Socket) => void) => {
    for (const pair of pairs) pair.forEach(act);
  };
  let listener = await listenSomewhere(accept, wantedPort);
  const port = portOf(listener);

  return {
    port,
    get count() {
      return pairs.size;
    },
    async open() {
      if (!listener.listening) listener = await listen(accept, port);
    },
    async close() {
      if (!listener.listening) return;
      const closed = once(listener, "close");
      listener.close();
      for (const client of pairs.keys()) client.resetAndDestroy();
      await closed;
    },
    drop(peer) {
      for (const [client, server] of pairs) {
        if (peer === undefined || peer === `127.0.0.1:${server.localPort}`) client.resetAndDestroy();
      }
    },
    freeze() {
      isFrozen = true;
      forEachSocket((socket) => socket.pause());
    },
    thaw() {
      isFrozen = false;
      forEachSocket((socket) => socket.resume());
    },
  };
}

function acknowledgeQuickly(client: Socket, server: Socket): void {
  const quickAck = createQuickAck();
  server.on("data", (chunk: Buffer) => quickAck.watch(chunk));
  client.on("data", () => {
    const answer = quickAck.answer();
    if (answer !== undefined && client.writable) client.write(answer);
  });
}

async function listenSomewhere(accept: (client: Socket) => void, wantedPort: number | undefined): Promise<Server> {
  if (wantedPort !== undefined) return listen(accept, wantedPort);
  for (let attempt = 1; ; attempt += 1) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT + 1));
    try {
      return await listen(accept, port);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

async function listen(accept: (client: Socket) => void, port: number): Promise<Server> {
  const server = createServer(accept);
  server.listen({ port, host: "127.0.0.1", exclusive: true });
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the double listens on no port");
  return address.port;
}
