import { isEventSourcingError } from "../errors/is-event-sourcing-error.ts";
import type { Register, Registers } from "../store/registers.ts";
import { parseSnapshot, type Snapshot, serializeSnapshot } from "./snapshot.ts";

/** Reads and writes the snapshots of streams, in registers. Never puts an older one over a newer. */
export interface SnapshotRegister<Tx> {
  /** The newest snapshot at or below `atMost`; `"unreadable"` when what is stored cannot be read. */
  load(streamId: string, options?: SnapshotLoadOptions): Promise<Snapshot | "unreadable" | undefined>;
  /** Whether it was written: a newer one, or one of the same version and state version, stays. */
  save(streamId: string, snapshot: Snapshot, options?: { readonly tx?: Tx }): Promise<boolean>;
  /** Deletes a snapshot that was loaded and turned out to be of another history, unless it was replaced meanwhile. */
  discard(streamId: string, snapshot: { readonly version: number; readonly eventId: string }): Promise<void>;
  /** Deletes all snapshots of a stream; resolves to their number. */
  delete(streamId: string): Promise<number>;
  /** Deletes the snapshots of a category that `isUsable` rejects, or that cannot be read; resolves to their number. */
  purge(category: string, isUsable: (snapshot: Snapshot) => boolean): Promise<number>;
}

/** Options of {@link SnapshotRegister.load}. */
export interface SnapshotLoadOptions {
  /** @defaultValue the newest */
  readonly atMost?: number;
  readonly signal?: AbortSignal;
}

const LATEST = "snapshot:";
const HISTORY = "snapshot-at:";
const VERSION_DIGITS = 16;
const MAX_ATTEMPTS = 10;

/** @param keep - `"latest"` overwrites; `"all"` also keeps one snapshot for each version, for historical loads */
export function createSnapshotRegister<Tx>(registers: Registers<Tx>, keep: "latest" | "all"): SnapshotRegister<Tx> {
  /** A value that a codec cannot decode is as unreadable as any other; its revision is not known then. */
  async function get(
    key: string,
    options: { readonly tx?: Tx; readonly signal?: AbortSignal } = {},
  ): Promise<Register | "unreadable" | undefined> {
    try {
      return await registers.get(key, options);
    } catch (error) {
      if (isEventSourcingError(error, "ES_CODEC")) return "unreadable";
      throw error;
    }
  }

  async function read(key: string, signal?: AbortSignal): Promise<Snapshot | "unreadable" | undefined> {
    const register = await get(key, signal === undefined ? {} : { signal });
    if (register === undefined || register === "unreadable") return register;
    return parseSnapshot(register.value) ?? "unreadable";
  }

  async function historyKeys(streamId: string): Promise<readonly string[]> {
    const prefix = `${HISTORY}${streamId}:`;
    const keys: string[] = [];
    for await (const key of registers.keys(prefix)) {
      // The id of another stream may go on where this one ends.
      if (/^\d{16}$/.test(key.slice(prefix.length))) keys.push(key);
    }
    return keys.sort();
  }

  return {
    async load(streamId, { atMost = Number.POSITIVE_INFINITY, signal } = {}) {
      const latest = await read(`${LATEST}${streamId}`, signal);
      if (latest === undefined || latest === "unreadable" || latest.version <= atMost) return latest;
      if (keep === "latest") return undefined;
      const bound = historyKey(streamId, atMost);
      const key = (await historyKeys(streamId)).findLast((candidate) => candidate <= bound);
      return key === undefined ? undefined : await read(key, signal);
    },

    async save(streamId, snapshot, { tx } = {}) {
      const value = serializeSnapshot(snapshot);
      const inTransaction = tx === undefined ? {} : { tx };
      if (keep === "all") await registers.set(historyKey(streamId, snapshot.version), value, inTransaction);
      const key = `${LATEST}${streamId}`;
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const current = await get(key, inTransaction);
        if (current === "unreadable") return (await registers.set(key, value, inTransaction)) !== undefined;
        const stored = current === undefined ? undefined : parseSnapshot(current.value);
        if (stored !== undefined && !isNewer(snapshot, stored)) return false;
        const revision = await registers.set(key, value, { expected: current?.revision ?? 0, ...inTransaction });
        if (revision !== undefined) return true;
      }
      return false;
    },

    async discard(streamId, { version, eventId }) {
      for (const key of [`${LATEST}${streamId}`, historyKey(streamId, version)]) {
        const current = await get(key);
        if (current === undefined || current === "unreadable") continue;
        const stored = parseSnapshot(current.value);
        if (stored?.version !== version || stored.eventId !== eventId) continue;
        await registers.delete(key, { expected: current.revision });
      }
    },

    async delete(streamId) {
      let count = 0;
      for (const key of [`${LATEST}${streamId}`, ...(await historyKeys(streamId))]) {
        if (await registers.delete(key)) count += 1;
      }
      return count;
    },

    async purge(category, isUsable) {
      let count = 0;
      for (const prefix of [`${LATEST}${category}-`, `${HISTORY}${category}-`]) {
        for await (const key of registers.keys(prefix)) {
          const register = await get(key);
          if (register === undefined) continue;
          const snapshot = register === "unreadable" ? undefined : parseSnapshot(register.value);
          if (snapshot !== undefined && isUsable(snapshot)) continue;
          const isDeleted = await registers.delete(
            key,
            register === "unreadable" ? {} : { expected: register.revision },
          );
          if (isDeleted) count += 1;
        }
      }
      return count;
    },
  };
}

function historyKey(streamId: string, version: number): string {
  return `${HISTORY}${streamId}:${String(Math.min(version, Number.MAX_SAFE_INTEGER)).padStart(VERSION_DIGITS, "0")}`;
}

function isNewer(snapshot: Snapshot, stored: Snapshot): boolean {
  return (
    snapshot.version > stored.version ||
    (snapshot.version === stored.version &&
      (snapshot.stateVersion > stored.stateVersion ||
        (snapshot.stateVersion === stored.stateVersion && snapshot.schemaVersion > stored.schemaVersion)))
  );
}
