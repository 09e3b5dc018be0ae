import { createConnection } from "node:net";

/** What a server says about itself to each client that connects. */
export interface NatsInfo {
  readonly server_name: string;
  readonly version: string;
  readonly jetstream?: boolean;
}

/** Connects and reads the first line of a server; `undefined` when there is none that answers within two seconds. */
export async function readNatsInfo(host: string, port: number): Promise<NatsInfo | undefined> {
  return await new Promise((resolve) => {
    const socket = createConnection({ host, port });
    let text = "";
    const finish = (info: NatsInfo | undefined) => {
      socket.destroy();
      resolve(info);
    };
    socket.setTimeout(2_000, () => finish(undefined));
    socket.on("error", () => finish(undefined));
    socket.on("close", () => finish(undefined));
    socket.on("data", (chunk) => {
      text += chunk.toString();
      const line = /^INFO (\{.*\})\s*\r\n/.exec(text)?.[1];
      if (line !== undefined) finish(parse(line));
    });
  });
}

function parse(line: string): NatsInfo {
  return JSON.parse(line);
}
