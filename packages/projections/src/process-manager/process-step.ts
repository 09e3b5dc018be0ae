import {
  ConfigurationError,
  causedBy,
  type EventSchemas,
  type EventStore,
  isEventSourcingError,
  type RecordedEvent,
  saveTogether,
} from "@es/core";
import { aDate, aNumber, assertIs, assertMembers, aText, required } from "../definition/member-rules.ts";
import { aggregatesBefore, presentAggregates } from "./aggregate-source.ts";
import type { ProcessManager } from "./process-manager.ts";
import type { PendingTimeout, TimeoutFailure, TimeoutPlan } from "./timeout.ts";
import { changeTimeouts, findTimeout, type TimeoutChange } from "./timeout-register.ts";
import { Turn } from "./turn.ts";
import { type Aggregates, holdAggregates, type UnitOfWork } from "./unit-of-work.ts";

const CONFLICTS = 10;

/** What calls with the step's transaction are given; empty without one. */
interface Joined {
  readonly tx?: unknown;
}

/** What becomes of a time-out that is due: it is handled, taken away, or held back for this reason. */
export type TimeoutFate = "handled" | "dropped" | TimeoutFailure;

/** Lets a process manager react to events and time-outs, one after the other, and stores what that leads to. */
export class ProcessSteps {
  readonly #manager: ProcessManager<unknown>;
  readonly #store: EventStore<unknown>;
  readonly #joined: Joined;
  readonly #assertHeld: () => Promise<void>;
  /** For all steps of a transaction: what was saved in it cannot be loaded yet. */
  readonly #shared: Aggregates | undefined;
  #hasPlanned = false;

  /**
   * @param joined - with `tx`, everything happens in that transaction; without, each append stands for itself
   * @param assertHeld - throws when another runner has taken over
   */
  constructor(
    manager: ProcessManager<unknown>,
    store: EventStore<unknown>,
    joined: Joined,
    assertHeld: () => Promise<void>,
  ) {
    this.#assertHeld = assertHeld;
    this.#manager = manager;
    this.#store = store;
    this.#joined = joined;
    this.#shared = joined.tx === undefined ? undefined : holdAggregates(presentAggregates);
  }

  /** Whether time-outs were planned or cancelled. */
  get hasPlanned(): boolean {
    return this.#hasPlanned;
  }

  /** Reacts to an event. */
  async handle(event: RecordedEvent): Promise<void> {
    await this.#step(event, event.id, [], (unit) => this.#manager.handle(event, unit));
  }

  /** Does to a time-out what is to become of it, unless it was cancelled or replaced meanwhile. */
  async expire(event: RecordedEvent, { key, id }: PendingTimeout, fate: TimeoutFate): Promise<void> {
    const { registers } = this.#store;
    const waiting = await findTimeout(registers, this.#manager.name, key, this.#joined);
    if (waiting?.id !== id) return;
    const done: TimeoutChange = {
      key,
      id,
      timeout: typeof fate === "object" ? { ...waiting, parked: fate } : undefined,
    };
    // Otherwise the names of time-outs that plan themselves again would grow for ever.
    const name = digestOf(id);
    await this.#step(event, name, [done], async (unit) => {
      if (fate === "handled") await this.#manager.expire(event, key, unit);
    });
  }

  /** @param name - stands for the cause in the ids of what it plans */
  async #step(
    cause: RecordedEvent,
    name: string,
    before: readonly TimeoutChange[],
    react: (unit: UnitOfWork<unknown, EventSchemas>) => Promise<void>,
  ): Promise<void> {
    for (let conflicts = 0; ; conflicts += 1) {
      const changes = [...before];
      const aggregates = this.#shared ?? holdAggregates(aggregatesBefore(cause, this.#store));
      const turn = new Turn(this.#manager.name);
      await react({
        load: (repository, id) => turn.during(() => aggregates.load(repository, id)),
        execute: (repository, id, command) => turn.during(() => aggregates.execute(repository, id, command)),
        schedule: (timeout, plan) => turn.now(() => void changes.push(this.#planned(cause, name, timeout, plan))),
        cancel: (key) => {
          assertIs(
            `the key of a time-out that process manager ${JSON.stringify(this.#manager.name)} cancels`,
            key,
            aText,
          );
          turn.now(() => void changes.push({ key, timeout: undefined }));
        },
      });
      turn.end();
      try {
        await this.#save(aggregates, cause);
      } catch (error) {
        // Somebody else was faster. In a transaction nothing can be repeated but all of it.
        if (this.#shared !== undefined || conflicts >= CONFLICTS || !isEventSourcingError(error, "ES_CONCURRENCY"))
          throw error;
        continue;
      }
      this.#hasPlanned ||= changes.length > before.length;
      if (changes.length > 0) {
        const call = { ...this.#joined, assertHeld: this.#assertHeld };
        await changeTimeouts(this.#store.registers, this.#manager.name, changes, call);
      }
      return;
    }
  }

  async #save(aggregates: Aggregates, cause: RecordedEvent): Promise<void> {
    const saves = aggregates.touched
      .filter(({ aggregate, isDone }) => !isDone && aggregate.pendingEvents.length > 0)
      .map(({ repository, aggregate }) => repository.prepareSave(aggregate));
    const options = { ...this.#joined, metadata: causedBy(cause) };
    if (saves.length <= this.#store.capabilities.atomicStreams) {
      await saveTogether(this.#store, saves, options);
      return;
    }
    for (const save of saves) await saveTogether(this.#store, [save], options);
  }

  #planned(
    cause: RecordedEvent,
    causeName: string,
    timeout: { readonly type: string; readonly data: unknown },
    plan: TimeoutPlan,
  ): TimeoutChange {
    const { timeouts, name } = this.#manager;
    if (timeouts === undefined) {
      throw new ConfigurationError(
        `process manager ${JSON.stringify(name)} plans a time-out and has declared no "timeouts"`,
      );
    }
    const owner = `the plan of time-out ${JSON.stringify(timeout.type)} of process manager ${JSON.stringify(name)}`;
    assertMembers(owner, plan, { key: required(aText), at: aDate, afterMs: aNumber });
    const dueAt = "at" in plan ? plan.at.getTime() : cause.recordedAt + plan.afterMs;
    if (!Number.isFinite(dueAt)) {
      throw new ConfigurationError(
        `the time-out ${JSON.stringify(timeout.type)} of process manager ${JSON.stringify(name)} is planned for no time: give "at" a valid Date, or "afterMs" a number`,
      );
    }
    const { key } = plan;
    const { type, data, schemaVersion } = timeouts.encode(timeout);
    const pending: PendingTimeout = {
      key,
      // The same when the event comes again.
      id: `${causeName}:${key}`,
      type,
      data,
      schemaVersion,
      dueAt,
      correlationId: cause.metadata.correlationId ?? cause.id,
      after: cause.position,
    };
    return { key, timeout: pending };
  }
}

/** A short text that stands for a long one. */
function digestOf(text: string): string {
  // FNV-1a with 128 bits over the UTF-16 code units. Never change it: a time-out that is handled again plans under the same names.
  let hash = 0x6c62272e07bb014262b821756295c58dn;
  for (let index = 0; index < text.length; index += 1) {
    hash = BigInt.asUintN(128, (hash ^ BigInt(text.charCodeAt(index))) * 0x1000000000000000000013bn);
  }
  return hash.toString(16).padStart(32, "0");
}
