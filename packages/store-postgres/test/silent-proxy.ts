import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";

/** A proxy in front of a server that can let new connections go silent, as a firewall does that has forgotten them. */
export interface SilentProxy extends AsyncDisposable {
  urlFor(url: string): string;
  /** From now on the statements of new connections, counted from the given one, get no answer and no error; 0: answer them all. */
  silenceFrom(statement: number): void;
}

/** First bytes of messages that carry a statement: Parse and Query. */
const STATEMENTS: readonly number[] = [0x50, 0x51];

/** Starts a proxy that passes everything on until it is told otherwise. */
export async function startSilentProxy(target: { readonly host: string; readonly port: number }): Promise<SilentProxy> {
  const sockets = new Set<Socket>();
  let silentFrom = 0;
  const listener = createServer((client) => {
    const mySilentFrom = silentFrom;
    const server = createConnection(target);
    let statements = 0;
    client.on("data", (chunk) => {
      if (STATEMENTS.includes(chunk[0] ?? 0)) statements += 1;
      if (mySilentFrom === 0 || statements < mySilentFrom) server.write(chunk);
    });
    server.pipe(client);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    urlFor(url) {
      const changed = new URL(url);
      changed.hostname = "127.0.0.1";
      changed.port = String(address.port);
      return changed.href;
    },
    silenceFrom(statement) {
      silentFrom = statement;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(listener, "close");
      listener.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
