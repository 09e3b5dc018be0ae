import {
  type AnyAggregate,
  causedBy,
  type CommandOf,
  type DomainCommand,
  type EventStore,
  type PreparedSave,
  type RecordedEvent,
  type Repository,
  saveTogether,
} from "@es/core";

/** The aggregates that a process manager works with in one transaction. */
export interface UnitOfWork<Tx> {
  /**
   * The aggregate as it is in this transaction, a new one when it has no events: the same object each time. What it emits is saved
   * when the handler is done, together with everything else.
   */
  load<A extends AnyAggregate>(repository: Repository<A, Tx>, id: string): Promise<A>;
  /** Sends a command to an aggregate, on a new one when it has no events. */
  execute<A extends AnyAggregate>(repository: Repository<A, Tx>, id: string, command: CommandOf<A>): Promise<void>;
}

/** A unit of work and the way to store what happened in it. */
export interface OpenUnit<Tx> {
  readonly unit: UnitOfWork<Tx>;
  /** Saves what was emitted since the last time, all or nothing, as a consequence of an event. */
  save(event: RecordedEvent, tx: Tx): Promise<void>;
}

interface Touched {
  readonly aggregate: AnyAggregate;
  readonly prepare: () => PreparedSave<unknown>;
}

interface UntypedUnit {
  load(repository: Repository<AnyAggregate, unknown>, id: string): Promise<AnyAggregate>;
  execute(repository: Repository<AnyAggregate, unknown>, id: string, command: DomainCommand): Promise<void>;
}

/** A unit of work on a store. Only for one transaction: what it holds is wrong after a rollback. */
export function openUnit<Tx>(store: EventStore<Tx>): OpenUnit<Tx>;
export function openUnit(store: EventStore<unknown>): {
  readonly unit: UntypedUnit;
  save(event: RecordedEvent, tx: unknown): Promise<void>;
} {
  const loaded = new Map<object, Map<string, AnyAggregate>>();
  const touched = new Set<Touched>();

  async function load<A extends AnyAggregate>(
    repository: Repository<A, unknown>,
    id: string,
    known: Map<string, A>,
  ): Promise<A> {
    const held = known.get(id);
    if (held !== undefined) return held;
    const aggregate = await repository.loadOrCreate(id);
    known.set(id, aggregate);
    touched.add({ aggregate, prepare: () => repository.prepareSave(aggregate) });
    return aggregate;
  }

  function knownOf(repository: object): Map<string, AnyAggregate> {
    const known = loaded.get(repository) ?? new Map<string, AnyAggregate>();
    loaded.set(repository, known);
    return known;
  }

  return {
    unit: {
      load: (repository, id) => load(repository, id, knownOf(repository)),
      async execute(repository, id, command) {
        const aggregate = await load(repository, id, knownOf(repository));
        aggregate.execute(command);
      },
    },
    async save(event, tx) {
      const saves = [...touched].filter(({ aggregate }) => aggregate.pendingEvents.length > 0);
      await saveTogether(
        store,
        saves.map(({ prepare }) => prepare()),
        { tx, metadata: causedBy(event) },
      );
    },
  };
}
