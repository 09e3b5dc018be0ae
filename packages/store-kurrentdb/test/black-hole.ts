import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** Carries connections to a server. Those that are open can be made to carry nothing more, without breaking; new ones work. */
export interface BlackHole {
  readonly port: number;
  swallow(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts one in front of a port of this machine. */
export async function startBlackHole(port: number): Promise<BlackHole> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const upstream = connect(port, "127.0.0.1");
    socket.pipe(upstream).pipe(socket);
    for (const one of [socket, upstream]) {
      sockets.add(one);
      one.on("error", () => undefined);
      one.on("close", () => {
        sockets.delete(one);
        socket.destroy();
        upstream.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    swallow() {
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
