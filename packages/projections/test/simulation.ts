import {
  AbortedError,
  type EventStore,
  type Register,
  type Registers,
  StoreUnavailableError,
  UnknownOutcomeError,
} from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { Chance } from "test-helpers";
import type { CheckpointedSink } from "../src/index.ts";

/** What the simulated database holds. A transaction works on a copy. */
export interface Tables {
  /** Amounts in the order in which they took effect, by stream. */
  readonly effects: Map<string, number[]>;
  readonly registers: Map<string, Register>;
  newest: number;
}

/** A store and a database that outlive the processes that use them. */
export class World {
  readonly store: EventStore<unknown> = createMemoryEventStore();
  readonly chance: Chance;
  tables: Tables = { effects: new Map(), registers: new Map(), newest: 0 };
  /** The share of calls that fail. */
  faults: number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(seed: number, faults: number) {
    this.chance = new Chance(seed);
    this.faults = faults;
  }

  /** One transaction at a time, as in SQLite. */
  async transaction<Result>(process: Process, work: (tx: Tables) => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(async () => {
      await process.step();
      this.#fail(() => new StoreUnavailableError("could not begin"));
      const draft = structuredClone(this.tables);
      const result = await work(draft);
      await process.step();
      this.#fail(() => new UnknownOutcomeError("lost before the commit"));
      this.tables = draft;
      this.#fail(() => new UnknownOutcomeError("lost after the commit"));
      return result;
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** The store as a process sees it. */
  storeOf(process: Process): EventStore<unknown> {
    const { store } = this;
    const fail = (): void => this.#fail(() => new StoreUnavailableError("away"));
    return {
      ...store,
      async *readAll(options) {
        for await (const page of store.readAll(options)) {
          await process.step();
          fail();
          yield page;
        }
      },
      async head(options) {
        await process.step();
        fail();
        return store.head(options);
      },
    };
  }

  /** The database as a process sees it. */
  sinkOf(process: Process): CheckpointedSink<Tables> {
    const within = <Result>(tx: Tables | undefined, work: (tables: Tables) => Result): Promise<Result> =>
      tx === undefined ? this.transaction(process, async (own) => work(own)) : Promise.resolve(work(tx));
    const registers: Registers<Tables> = {
      get: (key, call) => within(call?.tx, (tables) => tables.registers.get(key)),
      set: (key, value, call) =>
        within(call?.tx, (tables) => {
          const current = tables.registers.get(key)?.revision ?? 0;
          if (call?.expected !== undefined && call.expected !== current) return undefined;
          tables.newest += 1;
          tables.registers.set(key, { value, revision: tables.newest });
          return tables.newest;
        }),
      delete: (key, call) => within(call?.tx, (tables) => tables.registers.delete(key)),
      async *keys(prefix, call) {
        yield* await within(undefined, (tables) =>
          [...tables.registers.keys()].filter((key) => key.startsWith(prefix)),
        );
        call?.signal?.throwIfAborted();
      },
    };
    return { registers, transaction: (work) => this.transaction(process, work) };
  }

  #fail(error: () => Error): void {
    if (this.chance.happens(this.faults)) throw error();
  }
}

/** A process: it may be paused between any two steps, and killed. */
export class Process {
  #isDead = false;
  #paused: PromiseWithResolvers<void> | undefined;

  /** Nothing it does has an effect any more. */
  kill(): void {
    this.#isDead = true;
    this.wake();
  }

  /** It stops in front of its next step. */
  pause(): void {
    this.#paused ??= Promise.withResolvers<void>();
  }

  /** It goes on. */
  wake(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /** Called wherever the process could be interrupted. */
  async step(): Promise<void> {
    await this.#paused?.promise;
    if (this.#isDead) throw new AbortedError("the process was killed");
  }
}
