import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";

/** How an answer is broken off in the middle. */
export type Cut =
  /** The stream is reset as if there were no error: what Envoy sends when the server behind it is gone. */
  | "reset without error"
  | "reset as cancelled"
  /** The stream ends without the trailers that say how it went. */
  | "end without a status"
  /** The whole connection says that it takes no more calls, this one included. */
  | "go away";

/** Lets everything through, until it is told to cut. */
export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /** Cuts so many answers from now on, each in place of the frame with data that follows so many others. */
  cut(how: Cut, afterFrames: number, times: number): { readonly done: number };
}

interface Order {
  readonly how: Cut;
  readonly afterFrames: number;
  left: number;
  done: number;
}

const DATA = 0;
const RESET = 3;
const GO_AWAY = 7;
const END_STREAM = 1;
const NO_ERROR = 0;
const CANCEL = 8;
const HEADER_BYTES = 9;

/** A proxy that knows the frames of HTTP/2 (RFC 9113, section 4.1), in front of a server on this machine. */
export async function startCuttingProxy(serverPort: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let order: Order | undefined;

  const listener = createServer((client) => {
    const server = createConnection({ port: serverPort, host: "127.0.0.1" });
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        client.destroy();
        server.destroy();
        sockets.delete(socket);
      });
    }
    client.pipe(server);
    const cutAt = createCutter(() => order);
    let rest = Buffer.alloc(0);
    server.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const length = rest.length < HEADER_BYTES ? Number.POSITIVE_INFINITY : HEADER_BYTES + rest.readUIntBE(0, 3);
        if (rest.length < length) return;
        const sent = cutAt(rest.subarray(0, length));
        if (sent !== undefined) client.write(sent);
        rest = rest.subarray(length);
      }
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: portOf(listener.address()),
    cut(how, afterFrames, times) {
      const made: Order = { how, afterFrames, left: times, done: 0 };
      order = made;
      return made;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(listener, "close");
      listener.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Says what is passed on in place of a frame; `undefined` for what belongs to an answer that was cut. */
function createCutter(orderOf: () => Order | undefined): (frame: Buffer) => Buffer | undefined {
  const seen = new Map<number, number>();
  const cut = new Set<number>();
  return (frame) => {
    const id = frame.readUInt32BE(5);
    if (cut.has(id)) return undefined;
    if (frame[3] !== DATA) return frame;
    const before = seen.get(id) ?? 0;
    seen.set(id, before + 1);
    const order = orderOf();
    if (order === undefined || order.left === 0 || order.afterFrames !== before) return frame;
    order.left -= 1;
    order.done += 1;
    cut.add(id);
    return frameOf(order.how, id);
  };
}

function frameOf(how: Cut, id: number): Buffer {
  switch (how) {
    case "reset without error":
      return toFrame(RESET, 0, id, [NO_ERROR]);
    case "reset as cancelled":
      return toFrame(RESET, 0, id, [CANCEL]);
    case "end without a status":
      return toFrame(DATA, END_STREAM, id, []);
    case "go away":
      return toFrame(GO_AWAY, 0, 0, [0, NO_ERROR]);
  }
}

function toFrame(type: number, flags: number, id: number, words: readonly number[]): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + 4 * words.length);
  frame.writeUIntBE(4 * words.length, 0, 3);
  frame[3] = type;
  frame[4] = flags;
  frame.writeUInt32BE(id, 5);
  for (const [index, word] of words.entries()) frame.writeUInt32BE(word, HEADER_BYTES + 4 * index);
  return frame;
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return address.port;
}
