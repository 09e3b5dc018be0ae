import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";

/** Which way the bytes go. */
export type Direction = "to-server" | "to-client";

/** A proxy on a loopback port, for tests of what happens when connections break. */
export interface TcpProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** How many clients are connected. */
  readonly connections: number;
  /** The same URL with the proxy's host and port. */
  urlFor(url: string): string;
  /**
   * Lets so many more bytes pass in this direction, counted over all connections, and then cuts the connection that carried the
   * last of them: its receiver gets exactly these bytes and the end, its sender a reset. Resolves when that has happened.
   */
  cutAfterBytes(count: number, direction: Direction): Promise<void>;
  /** Resets all connections, on both sides. New ones are served. */
  cutAll(): void;
  /** Holds back all bytes, also those of new connections. */
  pause(): void;
  /** Lets the bytes that were held back go on. */
  resume(): void;
  /** Resets all connections and stops listening. */
  stop(): Promise<void>;
}

interface Cut {
  left: number;
  readonly direction: Direction;
  readonly done: () => void;
}

interface Connection {
  readonly client: Socket;
  readonly server: Socket;
  isCut: boolean;
}

/** Starts a proxy in front of a server. */
export async function startTcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const connections = new Set<Connection>();
  const cuts: Cut[] = [];
  let isPaused = false;
  let isStopped = false;

  const listener = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => {
    const connection = { client, server: createConnection({ ...target, allowHalfOpen: true }), isCut: false };
    connections.add(connection);
    for (const direction of ["to-server", "to-client"] as const) forward(connection, direction);
  });

  function forward(connection: Connection, direction: Direction): void {
    const { client, server } = connection;
    const [from, to] = direction === "to-server" ? [client, server] : [server, client];
    from.setNoDelay(true);
    from.on("data", (chunk) => {
      // What arrives after the cut is read, so that closing does not turn into a reset, and dropped.
      if (connection.isCut) return;
      const passed = takeUntilCut(chunk, direction);
      if (passed === undefined) {
        if (!to.write(chunk)) from.pause();
        return;
      }
      connection.isCut = true;
      to.end(passed.bytes);
      from.resetAndDestroy();
      passed.done();
    });
    to.on("drain", () => {
      if (!isPaused) from.resume();
    });
    from.on("end", () => to.end());
    // Both ends see the failure of either; a reset that we caused is no surprise.
    from.on("error", () => {
      if (!connection.isCut) to.resetAndDestroy();
    });
    from.on("close", () => {
      if (client.destroyed && server.destroyed) connections.delete(connection);
    });
    if (isPaused) from.pause();
    else from.resume();
  }

  /** What may still pass when one of the cuts falls into this chunk. */
  function takeUntilCut(chunk: Buffer, direction: Direction): { bytes: Buffer; done: () => void } | undefined {
    for (const cut of cuts.filter((one) => one.direction === direction)) {
      if (chunk.length < cut.left) {
        cut.left -= chunk.length;
        continue;
      }
      cuts.splice(cuts.indexOf(cut), 1);
      return { bytes: chunk.subarray(0, cut.left), done: cut.done };
    }
    return undefined;
  }

  function cutAll(): void {
    for (const connection of connections) {
      connection.isCut = true;
      connection.client.resetAndDestroy();
      connection.server.resetAndDestroy();
    }
  }

  async function stop(): Promise<void> {
    if (isStopped) return;
    isStopped = true;
    const closed = once(listener, "close");
    listener.close();
    cutAll();
    await closed;
  }

  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = boundAddress(listener.address());
  return {
    host: "127.0.0.1",
    port,
    get connections() {
      return connections.size;
    },
    urlFor(url) {
      const changed = new URL(url);
      changed.hostname = "127.0.0.1";
      changed.port = String(port);
      return changed.href;
    },
    cutAfterBytes: async (count, direction) =>
      await new Promise<void>((done) => cuts.push({ left: count, direction, done })),
    cutAll,
    pause() {
      isPaused = true;
      for (const { client, server } of connections) {
        client.pause();
        server.pause();
      }
    },
    resume() {
      isPaused = false;
      for (const { client, server } of connections) {
        client.resume();
        server.resume();
      }
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function boundAddress(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return address;
}
