import type { CallLimit } from "./client-holder.ts";
import { ServerFailure } from "./server-failure.ts";
import type { ServerReader } from "./server-reader.ts";
import type { KurrentClient } from "./kurrent-client.ts";

/** What the server has beyond the oldest one. */
export interface ServerFeatures {
  /** Appends to several streams, from 25.1. */
  readonly hasMultiStreamAppend: boolean;
  /** Checks of streams that are not written, from 26.1. */
  readonly hasStreamChecks: boolean;
}

/** Asks the server by appends of nothing: one that knows such an append refuses it, and for others the client itself does. */
export async function askFeatures(reader: ServerReader, call: CallLimit): Promise<ServerFeatures> {
  return {
    hasMultiStreamAppend: await has(reader, call, (client) => client.multiStreamAppend([])),
    hasStreamChecks: await has(reader, call, (client) => client.appendRecords([], [])),
  };
}

async function has(
  reader: ServerReader,
  call: CallLimit,
  appendNothing: (client: KurrentClient) => Promise<unknown>,
): Promise<boolean> {
  try {
    await reader.untilAnswered(call, appendNothing);
    return true;
  } catch (error) {
    if (!(error instanceof ServerFailure)) throw error;
    if (error.kind === "unsupported") return false;
    if (error.kind === "refused" || error.kind === "conflict" || error.kind === "too-large") return true;
    throw error;
  }
}
