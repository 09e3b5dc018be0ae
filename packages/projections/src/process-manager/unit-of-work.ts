import type { AnyAggregate, CommandOf, DomainCommand, EventSchemas, EventsOf, Repository } from "@es/core";
import type { AggregateSource } from "./aggregate-source.ts";
import type { TimeoutPlan } from "./timeout.ts";

/** What a handler of a process manager works with: aggregates and time-outs. All of it is stored when the handler is done. */
export interface UnitOfWork<Tx, T extends EventSchemas = Record<never, never>> {
  /**
   * The aggregate as it is in this transaction, a new one when it has no events: the same object each time. What it emits is saved
   * when the handler is done, together with everything else.
   */
  load<A extends AnyAggregate>(repository: Repository<A, Tx>, id: string): Promise<A>;
  /** Sends a command to an aggregate, on a new one when it has no events. */
  execute<A extends AnyAggregate>(repository: Repository<A, Tx>, id: string, command: CommandOf<A>): Promise<void>;
  /** Plans a time-out, instead of the one with the same key if there is one. */
  schedule(timeout: EventsOf<T>, plan: TimeoutPlan): void;
  /** Takes the time-out with this key away, if there is one. */
  cancel(key: string): void;
}

/** An aggregate that a unit works with. */
export interface Touched {
  readonly repository: Repository<AnyAggregate, unknown>;
  readonly aggregate: AnyAggregate;
  /** Whether its reaction to the event is stored already, so that it must not be saved again. */
  readonly isDone: boolean;
}

/** The part of a unit of work that is about aggregates. */
export interface Aggregates {
  load<A extends AnyAggregate>(repository: Repository<A, unknown>, id: string): Promise<A>;
  execute<A extends AnyAggregate>(repository: Repository<A, unknown>, id: string, command: CommandOf<A>): Promise<void>;
  /** Those that were loaded. */
  readonly touched: readonly Touched[];
}

interface UntypedAggregates {
  load(repository: Repository<AnyAggregate, unknown>, id: string): Promise<AnyAggregate>;
  execute(repository: Repository<AnyAggregate, unknown>, id: string, command: DomainCommand): Promise<void>;
  readonly touched: readonly Touched[];
}

/** Aggregates of a source, each loaded once. Only for one transaction: what it holds is wrong after a rollback. */
export function holdAggregates(source: AggregateSource): Aggregates;
export function holdAggregates(source: AggregateSource): UntypedAggregates {
  const loaded = new Map<object, Map<string, AnyAggregate>>();
  const touched: Touched[] = [];

  async function load(repository: Repository<AnyAggregate, unknown>, id: string): Promise<AnyAggregate> {
    const known = loaded.get(repository) ?? new Map<string, AnyAggregate>();
    loaded.set(repository, known);
    const held = known.get(id);
    if (held !== undefined) return held;
    const { aggregate, isDone } = await source(repository, id);
    known.set(id, aggregate);
    touched.push({ repository, aggregate, isDone });
    return aggregate;
  }

  return {
    touched,
    load,
    async execute(repository, id, command) {
      const aggregate = await load(repository, id);
      aggregate.execute(command);
    },
  };
}
