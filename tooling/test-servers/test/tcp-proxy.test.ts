import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from "node:net";
import { startTcpProxy } from "test-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

let echo: Server;
let received: Buffer[];
let accepted: Socket[];

beforeEach(async () => {
  received = [];
  accepted = [];
  echo = createServer((socket) => {
    accepted.push(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      received.push(chunk);
      socket.write(chunk);
    });
  });
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
});

afterEach(async () => {
  for (const socket of accepted) socket.destroy();
  echo.close();
  await once(echo, "close");
});

describe("startTcpProxy", () => {
  it("carries bytes both ways, and the end of either side", async () => {
    await using proxy = await startTcpProxy(target());
    const client = connect(proxy.port);

    client.end("hello");

    expect(await readAll(client)).toEqual({ text: "hello", error: undefined });
  });

  it.each([1, 7, 65_537, 1_000_000])("cuts after %i bytes to the server, to the byte", async (count) => {
    await using proxy = await startTcpProxy(target());
    const isCut = proxy.cutAfterBytes(count, "to-server");
    const client = connect(proxy.port);
    const answer = readAll(client);

    client.write(Buffer.alloc(2_000_000, "x"));
    await isCut;
    const { error } = await answer;
    await Promise.all(accepted.map(async (socket) => socket.closed || (await once(socket, "close"))));

    expect(error).toBe("ECONNRESET");
    expect(Buffer.concat(received).length).toBe(count);
  });

  it.each([1, 7, 65_537, 1_000_000])("cuts after %i bytes to the client, to the byte", async (count) => {
    await using proxy = await startTcpProxy(target());
    const client = connect(proxy.port);
    const answer = readAll(client);
    const isCut = proxy.cutAfterBytes(count, "to-client");

    client.write(Buffer.alloc(2_000_000, "x"));
    await isCut;

    expect((await answer).text.length).toBe(count);
  });

  it("counts over all connections and serves new ones after the cut", async () => {
    await using proxy = await startTcpProxy(target());
    const isCut = proxy.cutAfterBytes(8, "to-server");

    const first = connect(proxy.port);
    first.end("12345");
    expect((await readAll(first)).text).toBe("12345");
    const second = connect(proxy.port);
    second.write("67890");
    await isCut;
    await readAll(second);
    const third = connect(proxy.port);
    third.end("abc");

    expect((await readAll(third)).text).toBe("abc");
  });

  it("resets every connection when all are cut", async () => {
    await using proxy = await startTcpProxy(target());
    const clients = [connect(proxy.port), connect(proxy.port)];
    for (const client of clients) {
      client.write("x");
      await once(client, "data");
    }
    expect(proxy.connections).toBe(2);
    const answers = clients.map(readAll);

    proxy.cutAll();

    for (const answer of answers) expect((await answer).error).toBe("ECONNRESET");
    expect(proxy.connections).toBe(0);
  });

  it("holds bytes back while it is paused, also those of new connections", async () => {
    await using proxy = await startTcpProxy(target());
    proxy.pause();
    const client = connect(proxy.port);
    client.end("held");
    const answer = readAll(client);
    const other = connect(echoPort());
    other.end("direct");
    await readAll(other);
    expect(Buffer.concat(received).toString()).toBe("direct");

    proxy.resume();

    expect((await answer).text).toBe("held");
  });

  it("resets the client when the server is not there", async () => {
    const port = echoPort();
    await using proxy = await startTcpProxy({ host: "127.0.0.1", port });
    echo.close();
    await once(echo, "close");

    expect((await readAll(connect(proxy.port))).error).toBe("ECONNRESET");
    echo.listen(port, "127.0.0.1");
    await once(echo, "listening");
  });

  it("refuses connections after it has stopped", async () => {
    const proxy = await startTcpProxy(target());
    const open = connect(proxy.port);
    open.write("x");
    await once(open, "data");
    const answer = readAll(open);

    await proxy.stop();

    expect((await answer).error).toBe("ECONNRESET");
    expect((await readAll(connect(proxy.port))).error).toBe("ECONNREFUSED");
  });

  it("gives the URL that goes through it", async () => {
    await using proxy = await startTcpProxy(target());

    expect(proxy.urlFor("postgres://me:pw@localhost:5432/db?a=1")).toBe(
      `postgres://me:pw@127.0.0.1:${proxy.port}/db?a=1`,
    );
    expect(proxy.urlFor("nats://localhost:4222")).toBe(`nats://127.0.0.1:${proxy.port}`);
  });
});

function target(): { host: string; port: number } {
  return { host: "127.0.0.1", port: echoPort() };
}

function echoPort(): number {
  return boundPort(echo.address());
}

function boundPort(address: AddressInfo | string | null): number {
  return typeof address === "object" && address !== null ? address.port : 0;
}

function connect(port: number): Socket {
  const socket = createConnection({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.on("error", () => {});
  return socket;
}

async function readAll(socket: Socket): Promise<{ text: string; error: string | undefined }> {
  let text = "";
  let error: string | undefined;
  socket.on("data", (chunk) => {
    text += chunk.toString();
  });
  socket.on("error", (cause) => {
    error = "code" in cause ? String(cause.code) : cause.message;
  });
  socket.on("end", () => socket.end());
  if (!socket.closed) await new Promise((resolve) => socket.on("close", resolve));
  return { text, error };
}
