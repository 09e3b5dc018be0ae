import { StoreFormatError, StoreUnavailableError } from "@es/core";
import type { CallLimit } from "./client-holder.ts";
import type { ExactWriter } from "./exact-writer.ts";
import type { StoreNames } from "./names.ts";
import type { ServerReader } from "./server-reader.ts";

const FORMAT = 1;
const OPENED = "es.store.created";

/** Finds out which store this is, and makes it one when it is none. @throws StoreFormatError */
export async function identify(
  reader: ServerReader,
  writer: ExactWriter,
  names: StoreNames,
  call: CallLimit,
): Promise<string> {
  const stream = names.storeStream;
  const event = {
    id: globalThis.crypto.randomUUID(),
    type: OPENED,
    contentType: "application/json",
    data: { format: FORMAT, identity: globalThis.crypto.randomUUID() },
    metadata: {},
  } as const;
  for (let hasTried = false; ; hasTried = true) {
    const [first] = await reader.stream(stream, { from: "start", isBackward: false, count: 1 }, call);
    if (first !== undefined) return identityOf(first.data, stream);
    if (hasTried)
      throw new StoreUnavailableError(`the stream ${stream} could not be read after it was written; try again`);
    await writer.store({ writes: [{ stream, base: 0, events: [event] }], checks: [] }, call);
  }
}

function identityOf(data: unknown, stream: string): string {
  if (typeof data === "object" && data !== null && "format" in data && "identity" in data) {
    const { format, identity } = data;
    if (format === FORMAT && typeof identity === "string") return identity;
    if (typeof format === "number" && format > FORMAT) {
      throw new StoreFormatError(
        `the event store has format ${format}, this version of @es/store-kurrentdb knows format ${FORMAT}; install a newer version`,
      );
    }
  }
  throw new StoreFormatError(`the stream ${stream} was not written by @es/store-kurrentdb; choose another option name`);
}
