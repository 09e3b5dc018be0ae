import type { Registers } from "@es/core";
import { parseObject } from "../checkpoint/checkpoint.ts";
import type { Clock } from "../runner/clock.ts";

/** How often a write is tried that others are faster with. What does not come through now does so with the next beat. */
const TRIES = 5;

/** A process that shares the work. */
export interface Member {
  readonly id: string;
  /** Rises as long as it lives. */
  readonly beat: number;
  /** How many partitions it takes at most. */
  readonly max: number;
}

/** What {@link Members} needs. */
export interface MembersParts {
  readonly registers: Registers<unknown>;
  /** The register that all of them write. */
  readonly key: string;
  /** How many partitions this process takes at most. */
  readonly max: number;
  /** How long a process counts that is not heard of. */
  readonly ttlMs: number;
  readonly clock: Clock;
}

/**
 * The processes that share a projection. Each shows that it lives by raising its number in a register; whoever sees the same number for
 * as long as a lease lasts, by its own clock, takes it off the list. Nothing depends on the list being right but who runs how much.
 */
export class Members {
  /** This process. */
  readonly id: string = globalThis.crypto.randomUUID();
  readonly #parts: MembersParts;
  readonly #seen = new Map<string, { readonly beat: number; readonly since: number }>();
  #beat = 0;

  constructor(parts: MembersParts) {
    this.#parts = parts;
  }

  /** Says that this process lives. @returns all that do, this one included */
  async beat(signal: AbortSignal): Promise<readonly Member[]> {
    const { max } = this.#parts;
    this.#beat += 1;
    const own: Member = { id: this.id, beat: this.#beat, max };
    return this.#write((others) => [...this.#living(others), own], signal);
  }

  /** Takes this process off the list. */
  async leave(): Promise<void> {
    await this.#write((others) => others, undefined);
  }

  async #write(
    change: (others: readonly Member[]) => readonly Member[],
    signal: AbortSignal | undefined,
  ): Promise<readonly Member[]> {
    const { registers, key } = this.#parts;
    const call = signal === undefined ? {} : { signal };
    let members: readonly Member[] = [];
    for (let tries = 0; tries < TRIES; tries += 1) {
      const register = await registers.get(key, call);
      const stored = register === undefined ? [] : parseMembers(register.value);
      members = change(stored.filter(({ id }) => id !== this.id));
      const text = JSON.stringify({ format: 1, members });
      const expected = register?.revision ?? 0;
      if ((await registers.set(key, text, { ...call, expected })) !== undefined) break;
    }
    return members;
  }

  #living(others: readonly Member[]): readonly Member[] {
    const now = this.#parts.clock.monotonic();
    return others.filter(({ id, beat }) => {
      const seen = this.#seen.get(id);
      if (seen?.beat === beat) return now - seen.since < this.#parts.ttlMs;
      this.#seen.set(id, { beat, since: now });
      return true;
    });
  }
}

/** How many partitions a process is to run: the same for all, but for one that is left over, and none takes more than it may. */
export function quotaOf(id: string, partitions: number, members: readonly Member[]): number {
  const quotas = new Map<string, number>();
  const sorted = members.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  let left = partitions;
  for (let isFull = false; left > 0 && !isFull; ) {
    isFull = true;
    for (const member of sorted) {
      const quota = quotas.get(member.id) ?? 0;
      if (left === 0 || quota >= member.max) continue;
      quotas.set(member.id, quota + 1);
      left -= 1;
      isFull = false;
    }
  }
  return quotas.get(id) ?? 0;
}

/** A list that cannot be read is overwritten: all who live write themselves into it again. */
function parseMembers(text: string): readonly Member[] {
  const { members } = parseObject(text) ?? {};
  return Array.isArray(members) ? members.flatMap(parseMember) : [];
}

function parseMember(value: unknown): readonly Member[] {
  const { id, beat, max } = Object(value) === value ? Object.fromEntries(Object.entries(Object(value))) : {};
  return typeof id === "string" && typeof beat === "number" && typeof max === "number" ? [{ id, beat, max }] : [];
}
