import type { Clock } from "../runner/clock.ts";
import { isTransient } from "../runner/retry.ts";
import type { Places } from "./lease.ts";
import { Members, type MembersParts, quotaOf } from "./members.ts";

/** What the balance needs of its shared runner. */
export interface BalanceParts {
  /** Into how many parts the work is split. */
  readonly partitions: number;
  readonly maxPartitions: number;
  readonly members: MembersParts;
  /** How often the members are looked at. */
  readonly beatMs: number;
  readonly clock: Clock;
  /** Hands a partition over that this process runs. @returns whether there was one */
  readonly handOver: () => boolean;
  /** How many partitions are being handed over. */
  readonly leaving: () => number;
}

/** Decides how many partitions this process runs: its fair share among those that live. */
export class Balance {
  readonly #parts: BalanceParts;
  readonly #members: Members;
  #quota: number;
  #held = 0;

  constructor(parts: BalanceParts) {
    this.#parts = parts;
    this.#members = new Members(parts.members);
    this.#quota = parts.maxPartitions;
  }

  /** The places of this process. */
  readonly places: Places = {
    reserve: () => {
      if (this.#held >= this.#quota) return false;
      this.#held += 1;
      return true;
    },
    free: () => {
      this.#held -= 1;
    },
  };

  /** Looks who is there, before any lease is asked for. */
  async begin(signal: AbortSignal): Promise<void> {
    // With one partition there is nothing to share.
    if (this.#parts.partitions > 1) await this.#adjust(signal);
  }

  /** Keeps the share fair until the signal aborts, and then takes this process off the list. */
  async keep(signal: AbortSignal): Promise<void> {
    if (this.#parts.partitions === 1) return;
    while (!signal.aborted) {
      await this.#parts.clock.delay(this.#parts.beatMs, signal).catch(() => undefined);
      if (!signal.aborted) await this.#adjust(signal);
    }
    // Should it fail, the others notice by themselves.
    await this.#members.leave().catch(() => undefined);
  }

  async #adjust(signal: AbortSignal): Promise<void> {
    const { partitions, handOver, leaving } = this.#parts;
    try {
      this.#quota = quotaOf(this.#members.id, partitions, await this.#members.beat(signal));
    } catch (error) {
      // Leases alone keep the work right; so what was fair before stays as it is.
      if (signal.aborted || isTransient(error)) return;
      throw error;
    }
    let surplus = this.#held - leaving() - this.#quota;
    while (surplus > 0 && handOver()) surplus -= 1;
  }
}
