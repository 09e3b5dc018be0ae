import { ConfigurationError } from "../errors/configuration-error.ts";

/** A save, as a snapshot policy sees it. */
export interface SaveFacts {
  /** Version of the aggregate before the save. */
  readonly fromVersion: number;
  /** Version of the aggregate after the save. */
  readonly toVersion: number;
  /** Age of the newest snapshot that is known, in milliseconds; `undefined` when none is. */
  readonly snapshotAgeMs: number | undefined;
}

/** Decides after a save which snapshots are due. */
export interface SnapshotPolicy {
  /** The versions to take a snapshot at, ascending, each above `fromVersion` and at most `toVersion`. */
  versionsDue(save: SaveFacts): readonly number[];
}

/**
 * A snapshot when a save crosses a multiple of `n`, at the version after the save. A batch that straddles several multiples
 * takes one. With `n` = 10, saves that end at 8, 12, 19, 20 and 45 take snapshots at 12, 20 and 45.
 */
export function everyNEvents(n: number): SnapshotPolicy {
  assertCount("everyNEvents", n);
  return {
    versionsDue: ({ fromVersion, toVersion }) =>
      Math.floor(toVersion / n) > Math.floor(fromVersion / n) ? [toVersion] : [],
  };
}

/**
 * A snapshot at each exact multiple of `n`, also when a batch goes past it. With `n` = 10, saves that end at 8, 12, 19, 20
 * and 45 take snapshots at 10, 20, 30 and 40. Of several in one save only the newest is kept, unless all are kept.
 */
export function atMultiplesOf(n: number): SnapshotPolicy {
  assertCount("atMultiplesOf", n);
  return {
    versionsDue({ fromVersion, toVersion }) {
      const due: number[] = [];
      for (let version = (Math.floor(fromVersion / n) + 1) * n; version <= toVersion; version += n) due.push(version);
      return due;
    },
  };
}

/**
 * A snapshot when the newest one is older than `ms` milliseconds. The first is taken by the second save, because an aggregate
 * that is saved once needs none.
 */
export function whenOlderThan(ms: number): SnapshotPolicy {
  if (!Number.isFinite(ms) || ms < 0) throw new ConfigurationError(`whenOlderThan(${ms}): give milliseconds from 0`);
  return {
    versionsDue: ({ fromVersion, toVersion, snapshotAgeMs }) =>
      (snapshotAgeMs === undefined ? fromVersion > 0 : snapshotAgeMs > ms) ? [toVersion] : [],
  };
}

/** No snapshot unless `repository.snapshot(aggregate)` is called. */
export function manually(): SnapshotPolicy {
  return { versionsDue: () => [] };
}

function assertCount(name: string, n: number): void {
  if (!Number.isSafeInteger(n) || n < 1)
    throw new ConfigurationError(`${name}(${n}): give a whole number of events from 1`);
}
