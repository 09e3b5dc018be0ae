import {
  type DomainEvent,
  type EventFamily,
  type EventQuery,
  type EventSchemas,
  MissingHandlerError,
  type Recorded,
  type RecordedEvent,
  type TransactionalEventStore,
  UnsupportedError,
} from "@es/core";
import { createProjectionRunner } from "./create-projection-runner.ts";
import { type ExactlyOnce, exactlyOnce } from "./delivery.ts";
import type { Projection, StartPosition } from "./projection.ts";
import { filterOf } from "./projection-filter.ts";
import { assertProjectionName } from "./projection-name.ts";
import type { ProjectionRunner } from "./projection-runner.ts";
import type { RecordedOf } from "./projection-spec.ts";
import type { CommonRunnerOptions } from "./runner-options.ts";
import { openUnit, type UnitOfWork } from "./unit-of-work.ts";

/** What {@link defineProcessManager} takes. */
export interface ProcessManagerSpec<S extends EventSchemas, Type extends keyof S & string, Tx> {
  /** Names its checkpoint: at most 50 bytes, without `:`. Never change it. */
  readonly name: string;
  /** The family of events that it reacts to. */
  readonly events: EventFamily<S>;
  /** What an event leads to: commands to aggregates, through the unit of work. */
  readonly handlers: {
    readonly [T in NoInfer<Type>]: (event: RecordedOf<S, T>, unit: UnitOfWork<Tx>) => void | Promise<void>;
  };
  /**
   * Read streams of these categories only.
   * @defaultValue all categories
   */
  readonly categories?: readonly string[];
  /**
   * Read events of these types only.
   * @defaultValue all types
   */
  readonly types?: readonly Type[];
  /**
   * Where it starts when it has no checkpoint yet.
   * @defaultValue `"beginning"`
   */
  readonly from?: StartPosition;
}

/** A process manager, ready to be run. Made by {@link defineProcessManager}. */
export interface ProcessManager<Tx> {
  /** Its name, which its checkpoint is stored under. */
  readonly name: string;
  /** Which events it reads; `undefined` means all. */
  readonly filter: EventQuery | undefined;
  /** Where it starts when it has no checkpoint yet. */
  readonly from: StartPosition;
  /** Reacts to an event. Called by its runner. */
  handle(event: RecordedEvent, unit: UnitOfWork<Tx>): Promise<void>;
}

interface UntypedSpec {
  readonly name: string;
  readonly events: EventFamily<EventSchemas>;
  readonly handlers: {
    readonly [type: string]: (event: Recorded<DomainEvent>, unit: UnitOfWork<unknown>) => void | Promise<void>;
  };
  readonly categories?: readonly string[];
  readonly types?: readonly string[];
  readonly from?: StartPosition;
}

/**
 * Declares a process manager: events in, commands out. What an event leads to is stored in the transaction that also moves the
 * checkpoint, so every event is reacted to exactly once. What the process has to remember is an aggregate like any other.
 *
 * @throws ConfigurationError when the declaration contradicts itself
 */
export function defineProcessManager<
  S extends EventSchemas,
  const Type extends keyof S & string = keyof S & string,
  Tx = unknown,
>(spec: ProcessManagerSpec<S, Type, Tx>): ProcessManager<Tx>;
export function defineProcessManager(spec: UntypedSpec): ProcessManager<unknown> {
  const { name, events, handlers, from = "beginning" } = spec;
  assertProjectionName(name);
  return {
    name,
    filter: filterOf(spec),
    from,
    async handle(recorded, unit) {
      const event = events.decode(recorded);
      const { type, streamId, version } = event;
      const handler = Object.hasOwn(handlers, type) ? handlers[type] : undefined;
      if (handler === undefined) {
        throw new MissingHandlerError(
          { eventType: type, streamId, version },
          `has no handler in process manager ${JSON.stringify(name)}; add one, or list the types it is to read in "types"`,
        );
      }
      await handler(event, unit);
    },
  };
}

/** What a runner of a process manager takes. */
export interface ProcessManagerOptions<Tx> extends CommonRunnerOptions {
  /** The store that is read, and that the aggregates are saved in. */
  readonly store: TransactionalEventStore<Tx>;
}

/**
 * A runner for a process manager. It is a projection runner: start, stop, wait, park and replay as with any other.
 *
 * @throws UnsupportedError when the store has no transactions: what an event leads to could not be stored with the checkpoint
 */
export function createProcessManagerRunner<Tx>(
  manager: ProcessManager<Tx>,
  options: ProcessManagerOptions<Tx>,
): ProjectionRunner<"exactly-once"> {
  const { store } = options;
  if (!store.capabilities.transactions) {
    throw new UnsupportedError(
      `process manager ${JSON.stringify(manager.name)} needs a store with transactions: ${store.capabilities.gaps.transactions ?? "this one has none"}`,
    );
  }
  const projection: Projection<ExactlyOnce<Tx>> = {
    name: manager.name,
    delivery: exactlyOnce<Tx>(),
    filter: manager.filter,
    from: manager.from,
    isSingle: true,
    async apply(events, { tx }, progress) {
      // One for each attempt: after a rollback the aggregates in it are wrong.
      const { unit, save } = openUnit(store);
      for (const event of events) {
        await manager.handle(event, unit);
        await save(event, tx);
        progress.handled += 1;
      }
    },
  };
  return createProjectionRunner(projection, { ...options, sink: store });
}
