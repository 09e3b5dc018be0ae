import { once } from "node:events";
import type { ServerWritableStream } from "@grpc/grpc-js";
import type { ReadRequest, ReadResponse } from "./messages.ts";

/** A call that sends events. */
export type ReadCall = ServerWritableStream<ReadRequest, ReadResponse>;

/** Waits until the client takes more, or is gone. */
export async function drained(call: ReadCall): Promise<void> {
  const ended = new AbortController();
  try {
    await Promise.race(["drain", "cancelled", "close"].map((name) => once(call, name, { signal: ended.signal })));
  } catch {
    // The call failed: whoever writes next sees that.
  } finally {
    ended.abort();
  }
}
