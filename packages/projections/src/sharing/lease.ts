import { isEventSourcingError, type Registers } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { parseObject } from "../checkpoint/checkpoint.ts";
import { LeaseLostError } from "../errors/errors.ts";
import type { Clock } from "../runner/clock.ts";
import { isTransient } from "../runner/retry.ts";

/** How many leases a process may have. A place is reserved before a lease is asked for, because asking takes a while. */
export interface Places {
  /** Takes a place, if there is one. */
  reserve(): boolean;
  /** Gives it back. */
  free(): void;
}

/** Options of {@link Lease}. */
export interface LeaseParts {
  readonly registers: Registers<unknown>;
  /** The register that stands for what is leased. */
  readonly key: string;
  /** How long a holder that is not heard of keeps it. */
  readonly ttlMs: number;
  /** How often those who wait look. */
  readonly pollMs: number;
  readonly clock: Clock;
}

/** What the register says. */
interface Entry {
  readonly holder: string;
  readonly token: number;
  readonly isReleased: boolean;
}

/**
 * A lease on a register. A holder shows that it lives by writing the register anew; whoever sees the same revision for as long as
 * the lease lasts, by its own clock, may take it over with the next token. So no two machines' clocks are ever compared.
 *
 * A holder that was paused may believe for a moment that it still has the lease. That is why what it does must be fenced: its
 * checkpoint was written anew by the one that took over.
 */
export class Lease {
  readonly #parts: LeaseParts;
  readonly #holder = globalThis.crypto.randomUUID();
  #revision = 0;
  #token = 0;
  /** By this clock, the moment from which others may have taken over. */
  #validUntil = Number.NEGATIVE_INFINITY;

  constructor(parts: LeaseParts) {
    this.#parts = parts;
  }

  /** Rises with every take-over. 0 before the first. */
  get token(): number {
    return this.#token;
  }

  /** Whether nobody else can have it yet. */
  get isHeld(): boolean {
    return this.#parts.clock.monotonic() < this.#validUntil;
  }

  /** Waits until it is free and there is a place, and takes both. @throws AbortedError */
  async acquire(signal: AbortSignal, places: Places): Promise<void> {
    const { registers, key, ttlMs, pollMs, clock } = this.#parts;
    let seen: { readonly revision: number; readonly since: number } | undefined;
    for (;;) {
      throwIfAborted(signal);
      try {
        const before = clock.monotonic();
        const register = await registers.get(key, { signal });
        const revision = register?.revision ?? 0;
        const entry = register === undefined ? undefined : parseEntry(register.value);
        if (seen?.revision !== revision) seen = { revision, since: clock.monotonic() };
        const isMine = entry?.holder === this.#holder && !entry.isReleased;
        const isFree = entry === undefined || entry.isReleased || isMine || before - seen.since >= ttlMs;
        if (isFree && places.reserve()) {
          this.#revision = revision;
          this.#token = (entry?.token ?? 0) + 1;
          if (await this.#take(signal, places)) return;
        }
      } catch (error) {
        if (!isTransient(error)) throw error;
      }
      await clock.delay(pollMs, signal);
    }
  }

  /** Renews until the signal aborts, or until it is lost. @throws LeaseLostError */
  async keep(signal: AbortSignal): Promise<void> {
    const { ttlMs, clock, key } = this.#parts;
    while (!signal.aborted) {
      try {
        await clock.delay(ttlMs / 3, signal);
        if (!this.isHeld || !(await this.#write(false, signal))) throw new LeaseLostError(key, this.#token);
      } catch (error) {
        if (signal.aborted) return;
        if (isTransient(error)) continue;
        if (isEventSourcingError(error) && error.code !== "ES_LEASE_LOST") {
          throw new LeaseLostError(key, this.#token, { cause: error });
        }
        throw error;
      }
    }
  }

  /** Gives it back, so that nobody has to wait for it to expire. Never fails: then it expires. */
  async release(): Promise<void> {
    if (!this.isHeld) return;
    this.#validUntil = Number.NEGATIVE_INFINITY;
    try {
      if (!(await this.#write(true)) && (await this.#catchUp())) await this.#write(true);
    } catch {
      // It expires.
    }
    this.#validUntil = Number.NEGATIVE_INFINITY;
  }

  /** A renewal that was cut off may have been written all the same. @returns whether this is still the holder */
  async #catchUp(): Promise<boolean> {
    const register = await this.#parts.registers.get(this.#parts.key);
    const entry = register === undefined ? undefined : parseEntry(register.value);
    if (register === undefined || entry?.holder !== this.#holder || entry.token !== this.#token) return false;
    this.#revision = register.revision;
    return true;
  }

  async #take(signal: AbortSignal, places: Places): Promise<boolean> {
    let isTaken = false;
    try {
      isTaken = await this.#write(false, signal);
      return isTaken;
    } finally {
      if (!isTaken) places.free();
    }
  }

  async #write(isReleased: boolean, signal?: AbortSignal): Promise<boolean> {
    const { registers, key, clock, ttlMs } = this.#parts;
    const startedAt = clock.monotonic();
    const value = JSON.stringify({ format: 1, holder: this.#holder, token: this.#token, isReleased });
    const expected = this.#revision;
    const revision = await registers.set(key, value, signal === undefined ? { expected } : { expected, signal });
    if (revision === undefined) return this.#recognise(value, startedAt);
    this.#revision = revision;
    this.#validUntil = startedAt + ttlMs;
    return true;
  }

  /** A write that seems to be refused may have been one's own, whose answer was lost. */
  async #recognise(value: string, startedAt: number): Promise<boolean> {
    const register = await this.#parts.registers.get(this.#parts.key);
    if (register?.value !== value) return false;
    this.#revision = register.revision;
    this.#validUntil = startedAt + this.#parts.ttlMs;
    return true;
  }
}

function parseEntry(text: string): Entry | undefined {
  const { holder, token, isReleased } = parseObject(text) ?? {};
  if (typeof holder !== "string" || typeof token !== "number" || typeof isReleased !== "boolean") return undefined;
  return { holder, token, isReleased };
}
