import { ConfigurationError } from "../errors/configuration-error.ts";
import type { SnapshotPolicy } from "../snapshots/snapshot-policy.ts";

/** Why a stored snapshot was not used, and the events were replayed instead. */
export type SnapshotMiss =
  /** Another version of the state or its schema wrote it, and there is no way from that to this. */
  | "state-version"
  /** It cannot be read. */
  | "unreadable"
  /** The stream does not have the event that it ends with: the store was restored, or it belongs to another history. */
  | "other-history"
  /** The registers could not be read. */
  | "store-error";

/** What a repository tells besides results. Nothing here is a failure of the call that was made. */
export type RepositoryReport =
  | { readonly kind: "snapshot-taken"; readonly streamId: string; readonly version: number }
  | { readonly kind: "snapshot-failed"; readonly streamId: string; readonly version: number; readonly error: unknown }
  | {
      readonly kind: "snapshot-missed";
      readonly streamId: string;
      readonly reason: SnapshotMiss;
      readonly error?: unknown;
    }
  | { readonly kind: "conflict-retried"; readonly streamId: string; readonly attempt: number }
  | { readonly kind: "save-repeated"; readonly streamId: string; readonly attempt: number; readonly error: unknown };

/** How a repository takes snapshots. */
export interface SnapshotOptions {
  /** When snapshots are taken. */
  readonly policy: SnapshotPolicy;
  /**
   * `"latest"`: one for each aggregate. `"all"`: also one for each version a snapshot was taken at, which makes `loadAt` fast.
   * @defaultValue `"latest"`
   */
  readonly keep?: "latest" | "all";
  /**
   * `"await"`: a save resolves after its snapshots. `"background"`: before them; `repository.idle()` waits for them.
   * @defaultValue `"await"`
   */
  readonly mode?: "await" | "background";
}

/** Options of {@link createRepository}. */
export interface RepositoryOptions {
  /**
   * When and how snapshots are taken.
   * @defaultValue no snapshots
   */
  readonly snapshots?: SnapshotOptions;
  /**
   * Keep the states of the most recently used aggregates in memory. A load still reads what was stored since, so that the
   * cache can be slow but never wrong. Every load hands out its own aggregate.
   * @defaultValue no cache
   */
  readonly cache?: { readonly maxSize: number };
  /** How often `update` and `execute` try again. @defaultValue 10 */
  readonly retries?: number;
  /** Called for what is worth a metric or a log line. What it throws is ignored. @defaultValue nothing */
  readonly onReport?: (report: RepositoryReport) => void;
  /** Draws event ids and correlation ids: UUIDs. @defaultValue `crypto.randomUUID` */
  readonly newId?: () => string;
  /** Milliseconds since 1970 UTC. @defaultValue `Date.now` */
  readonly clock?: () => number;
  /** A number from 0 to 1, for the jitter. @defaultValue `Math.random` */
  readonly random?: () => number;
}

/** Checked options with their defaults. */
export interface RepositorySettings {
  readonly snapshots: Required<SnapshotOptions> | undefined;
  readonly cacheSize: number;
  readonly retries: number;
  readonly report: (report: RepositoryReport) => void;
  readonly newId: () => string;
  readonly clock: () => number;
  readonly random: () => number;
}

/** @throws ConfigurationError naming the wrong option */
export function repositorySettings(options: RepositoryOptions): RepositorySettings {
  const { snapshots, cache, retries = 10 } = options;
  if (cache !== undefined && (Number.isNaN(cache.maxSize) || cache.maxSize < 1)) {
    throw new ConfigurationError(`cache.maxSize is ${cache.maxSize}; give a number from 1, or leave the cache out`);
  }
  return {
    snapshots: snapshots === undefined ? undefined : { keep: "latest", mode: "await", ...snapshots },
    cacheSize: cache?.maxSize ?? 0,
    retries: checkedRetries(retries),
    report: quietly(options.onReport ?? (() => undefined)),
    newId: options.newId ?? (() => globalThis.crypto.randomUUID()),
    clock: options.clock ?? Date.now,
    random: options.random ?? Math.random,
  };
}

/** A save that was stored must not look like a failed one because a report could not be delivered. */
function quietly(onReport: (report: RepositoryReport) => void): (report: RepositoryReport) => void {
  return (report) => {
    try {
      onReport(report);
    } catch {
      // There is nobody left to tell.
    }
  };
}

/** @throws ConfigurationError when it is not a whole number from 0 */
export function checkedRetries(retries: number): number {
  if (!Number.isSafeInteger(retries) || retries < 0) {
    throw new ConfigurationError(`retries is ${retries}; give a whole number from 0`);
  }
  return retries;
}
