import type { EncodedAppend } from "@es/core/adapter";
import { lockKeyOf } from "./names.ts";

/** What an append must have for itself, or may share, while it is under way. */
export interface Claims {
  readonly exclusive: readonly string[];
  readonly shared: readonly string[];
}

/** The claim of an append that must not overlap with any other. All others share it. */
const EVERYTHING = "*";
/** More locks than this in one transaction, and it takes the one for everything instead: the server's lock table is finite. */
const MAX_TAG_CLAIMS = 250;

/**
 * The claims of an append: its streams for itself, because two appends of one stream cannot be judged by one statement. In a
 * store with tags also the tags of its events, shared, and those of its condition for itself: an event that matches a query
 * carries all of its tags, so one of them is enough to keep it out. A query without tags may match anything.
 */
export function claimsOf({ writes, condition }: EncodedAppend, hasTags: boolean): Claims {
  if (!hasTags) return { exclusive: writes.map(({ streamId }) => `s${streamId}`), shared: [] };
  const exclusive = new Set(writes.map(({ streamId }) => `s${streamId}`));
  const tags = new Set<string>();
  for (const { events } of writes) for (const event of events) for (const tag of event.tags) tags.add(`t${tag}`);
  for (const query of condition?.queries ?? []) {
    const [first] = [...(query.tags ?? [])].toSorted();
    exclusive.add(first === undefined ? EVERYTHING : `t${first}`);
  }
  if (tags.size + exclusive.size - writes.length > MAX_TAG_CLAIMS) exclusive.add(EVERYTHING);
  const shared = exclusive.has(EVERYTHING) ? [] : [EVERYTHING, ...tags].filter((claim) => !exclusive.has(claim));
  return { exclusive: [...exclusive], shared };
}

/** The claims of what is under way. */
export class ClaimTable {
  readonly #exclusive = new Set<string>();
  readonly #shared = new Map<string, number>();

  conflicts({ exclusive, shared }: Claims): boolean {
    return (
      exclusive.some((claim) => this.#exclusive.has(claim) || this.#shared.has(claim)) ||
      shared.some((claim) => this.#exclusive.has(claim))
    );
  }

  add({ exclusive, shared }: Claims): void {
    for (const claim of exclusive) this.#exclusive.add(claim);
    for (const claim of shared) this.#shared.set(claim, (this.#shared.get(claim) ?? 0) + 1);
  }

  remove({ exclusive, shared }: Claims): void {
    for (const claim of exclusive) this.#exclusive.delete(claim);
    for (const claim of shared) {
      const count = this.#shared.get(claim) ?? 0;
      if (count > 1) this.#shared.set(claim, count - 1);
      else this.#shared.delete(claim);
    }
  }
}

/**
 * SQL that takes the locks of these claims, each transaction in the same order, so that no two wait for each other; or
 * `undefined` when there are none. The check of a condition must come in a statement of its own after it, so that it sees what
 * the transactions that were waited for have stored.
 */
export function lockSql(claims: readonly Claims[], lockClass: number): string | undefined {
  const isExclusive = new Map<number, boolean>();
  const isEverything = claims.some(({ exclusive }) => exclusive.includes(EVERYTHING));
  if (isEverything) {
    isExclusive.set(lockKeyOf(EVERYTHING), true);
  } else {
    for (const { exclusive, shared } of claims) {
      for (const claim of exclusive) if (!claim.startsWith("s")) isExclusive.set(lockKeyOf(claim), true);
      for (const claim of shared) if (!isExclusive.has(lockKeyOf(claim))) isExclusive.set(lockKeyOf(claim), false);
    }
  }
  if (isExclusive.size === 0) return undefined;
  const calls = [...isExclusive]
    .toSorted(([a], [b]) => a - b)
    .map(([key, exclusive]) => `pg_advisory_xact_lock${exclusive ? "" : "_shared"}(${lockClass}, ${key})`);
  return `SELECT ${calls.join(", ")}`;
}
