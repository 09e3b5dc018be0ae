import { type AppendResult, ConcurrencyError } from "@es/core";
import { versionBefore } from "@es/core/adapter";
import type { CallLimit } from "./call-limit.ts";
import type { EncodedWrite } from "./encoded-append.ts";
import type { Place } from "./places.ts";
import type { StreamReader } from "./read-stream.ts";

/** The first result of an append that `refused` has no place for, when it was stored before. @throws ConcurrencyError otherwise */
export async function firstResult(
  streams: StreamReader,
  writes: readonly EncodedWrite[],
  refused: Place,
  call: CallLimit,
): Promise<AppendResult> {
  const { streamId, expected } = refused.write;
  const refusal = new ConcurrencyError({ streamId, expected, actual: refused.end.version });
  const versions: number[] = [];
  let position = "";
  for (const one of writes) {
    const base = versionBefore(one.expected);
    if (base === undefined) throw refusal;
    const found = await streams.eventsBehind(one.streamId, base, one.events.length, call);
    if (found.length !== one.events.length || found.some(({ id }, index) => id !== one.events[index]?.id)) {
      throw refusal;
    }
    versions.push(base + found.length);
    const last = found.at(-1)?.position ?? "";
    if (last > position) position = last;
  }
  return { position, versions, duplicate: true };
}
