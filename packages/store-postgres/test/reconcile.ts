import { type EventStore, isEventSourcingError, type RecordedEvent, type Write } from "@es/core";
import { idsOf, writeOf } from "test-helpers";
import { expect } from "vitest";

/** What a caller was told about its append. */
export interface Told {
  readonly write: Write;
  readonly outcome: "stored" | "refused" | "unknown";
}

/** One caller after another append, each to streams of its own, until `isOver`. Only errors that a fault may bring are swallowed. */
export async function writeUntil(
  store: EventStore<never> | EventStore<unknown>,
  isOver: () => boolean,
  { callers, onStored }: { readonly callers: number; readonly onStored?: () => void },
): Promise<readonly Told[]> {
  const told: Told[] = [];
  const call = async (caller: number): Promise<void> => {
    let version = 0;
    for (let n = 0; !isOver(); n += 1) {
      // Those that name their place, and those that do not.
      const isPlaced = caller % 2 === 0;
      const write = writeOf(`caller-${caller}`, isPlaced ? version : "any", 1 + (n % 3));
      try {
        const result = await store.append(write);
        told.push({ write, outcome: "stored" });
        onStored?.();
        version = result.versions[0] ?? 0;
      } catch (error) {
        if (!isEventSourcingError(error)) throw error;
        if (error.code === "ES_UNKNOWN_OUTCOME") {
          told.push({ write, outcome: "unknown" });
          return;
        }
        expect(error.code, String(error.cause)).toBe("ES_STORE_UNAVAILABLE");
        told.push({ write, outcome: "refused" });
      }
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)));
  return told;
}

/** Acknowledged = stored, nothing twice, versions without holes, nothing that was refused. */
export function expectReconciled(log: readonly RecordedEvent[], told: readonly Told[]): void {
  const stored = new Set(log.map(({ id }) => id));
  expect(stored.size, "events stored twice").toBe(log.length);
  for (const { write, outcome } of told) {
    const count = idsOf(write).filter((id) => stored.has(id)).length;
    if (outcome === "stored") expect(count, `acknowledged events of ${write.streamId}`).toBe(write.events.length);
    if (outcome === "refused") expect(count, `refused events of ${write.streamId}`).toBe(0);
    expect([0, write.events.length], "part of an append").toContain(count);
  }
  const known = new Set(told.flatMap(({ write }) => idsOf(write)));
  expect(log.filter(({ id }) => !known.has(id))).toStrictEqual([]);
  const versions = new Map<string, number>();
  for (const { streamId, version } of log) {
    expect(version, `version in ${streamId}`).toBe((versions.get(streamId) ?? 0) + 1);
    versions.set(streamId, version);
  }
}
