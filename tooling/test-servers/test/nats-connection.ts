import { once } from "node:events";
import { createConnection, type Socket } from "node:net";

/** As much of a NATS client as these tests need: one request at a time. */
export class NatsConnection implements AsyncDisposable {
  readonly #socket: Socket;
  #text = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      this.#text += chunk.toString();
    });
  }

  static async open(port: number): Promise<NatsConnection> {
    const socket = createConnection({ host: "127.0.0.1", port });
    const connection = new NatsConnection(socket);
    socket.write(`CONNECT ${JSON.stringify({ verbose: false })}\r\nSUB inbox 1\r\nPING\r\n`);
    await connection.#waitFor(/PONG\r\n/);
    return connection;
  }

  async request(subject: string, payload: string): Promise<string> {
    this.#text = "";
    this.#socket.write(`PUB ${subject} inbox ${Buffer.byteLength(payload)}\r\n${payload}\r\n`);
    const [, answer = ""] = await this.#waitFor(/MSG inbox 1 +\d+\r\n([^]*)\r\n$/);
    if (/"error"/.test(answer)) throw new Error(answer);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.end();
    await once(this.#socket, "close");
  }

  async #waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#text);
      if (match !== null) return match;
      await once(this.#socket, "data", { signal: AbortSignal.timeout(5_000) });
    }
  }
}
