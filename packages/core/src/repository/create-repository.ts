import { delay } from "../adapter/abort.ts";
import { AggregateNotFoundError } from "../errors/aggregate-errors.ts";
import { ConfigurationError } from "../errors/configuration-error.ts";
import { isEventSourcingError } from "../errors/is-event-sourcing-error.ts";
import { UnknownOutcomeError } from "../errors/append-errors.ts";
import type { EventStore } from "../store/event-store.ts";
import { streamIdOf } from "../store/stream-id.ts";
import { AggregateLoader } from "./aggregate-loader.ts";
import { AggregateSnapshots } from "./aggregate-snapshots.ts";
import type { PreparedSave } from "./prepared-save.ts";
import type {
  AggregateClass,
  AnyAggregate,
  AnyCommand,
  CommandOf,
  Repository,
  Saved,
  SaveOptions,
  UpdateOptions,
} from "./repository.ts";
import { checkedRetries, type RepositoryOptions, repositorySettings } from "./repository-options.ts";
import { saveTogether } from "./save-together.ts";

const FIRST_DELAY_MS = 2;
const LONGEST_DELAY_MS = 100;

/**
 * A repository of one kind of aggregate over a store.
 *
 * @example
 * ```ts
 * const accounts = createRepository(store, Account, { snapshots: { policy: everyNEvents(100) } });
 * await accounts.execute("42", { type: "Deposit", data: { amount: 10 } });
 * ```
 */
export function createRepository<A extends AnyAggregate, Tx = never>(
  store: EventStore<Tx>,
  aggregateClass: AggregateClass<A>,
  options: RepositoryOptions = {},
): Repository<A, Tx> {
  if (typeof store?.readStream !== "function") {
    throw new ConfigurationError(
      "the first argument of createRepository is not an event store; await the function that opens it",
    );
  }
  if (typeof aggregateClass !== "function") {
    throw new ConfigurationError(
      "the second argument of createRepository is not a class of aggregates; pass what defineAggregate returned, or your class",
    );
  }
  const settings = repositorySettings(options);
  const { definition } = new aggregateClass("definition");
  const snapshots = new AggregateSnapshots<Tx>(store.registers, definition, settings);
  const loader = new AggregateLoader<A, Tx>(store, aggregateClass, snapshots, settings);
  /** Their versions and states are true only if that transaction was committed. */
  const savedInTransaction = new WeakSet<A>();

  function streamId(id: string): string {
    return streamIdOf(definition.name, id);
  }

  function prepareSave(aggregate: A): PreparedSave<Tx> {
    if (typeof aggregate?.repositoryAccess !== "function") {
      throw new ConfigurationError(
        `the repository of ${JSON.stringify(definition.name)} was asked to save something that is no aggregate; await what load() returns`,
      );
    }
    const access = aggregate.repositoryAccess();
    const { version } = access.baseline;
    let lastEventId = "";
    return {
      streamId: aggregate.streamId,
      newId: settings.newId,
      version,
      write(metadata) {
        if (access.pendingCount === 0) return undefined;
        const events = access.newEvents(settings.newId, metadata);
        lastEventId = events[events.length - 1]?.id ?? "";
        return { streamId: aggregate.streamId, expected: version, events };
      },
      async stored(newVersion, { tx, duplicate }) {
        if (newVersion !== version + access.pendingCount) {
          // A condition recognised the events by their ids at an earlier place, which this aggregate was loaded from.
          access.discard();
          return version;
        }
        const due = snapshots.due(aggregate, newVersion);
        access.commit(newVersion, lastEventId);
        // What happens in the caller's transaction may still be rolled back, then or at any time later.
        if (tx !== undefined) savedInTransaction.add(aggregate);
        // The events were recognised by their ids. Whether they are the same is for the next load to see.
        const isSure = !duplicate && (tx !== undefined || !savedInTransaction.has(aggregate));
        if (tx === undefined && isSure) loader.remember(aggregate);
        if (isSure) await snapshots.take(due, tx);
        return newVersion;
      },
      conflicted: () => loader.forget(aggregate.streamId),
    };
  }

  async function save(aggregate: A, saveOptions: SaveOptions<Tx> = {}): Promise<Saved> {
    const [saved] = await saveTogether(store, [prepareSave(aggregate)], saveOptions);
    return saved ?? { version: aggregate.version, events: 0, position: "", duplicate: false };
  }

  async function pause(attempt: number, signal: AbortSignal | undefined): Promise<void> {
    const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
    await delay(settings.random() * ceiling, signal);
  }

  /** Repeats a save that may or may not have been stored; the event ids make that safe. */
  async function saveSettled(aggregate: A, updateOptions: UpdateOptions, retries: number): Promise<Saved> {
    let unknown: UnknownOutcomeError | undefined;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await save(aggregate, updateOptions);
      } catch (error) {
        if (isEventSourcingError(error, "ES_UNKNOWN_OUTCOME")) unknown ??= error;
        if (!isEventSourcingError(error) || !error.retryable || attempt >= retries) throw asUnknown(unknown, error);
        settings.report({ kind: "save-repeated", streamId: aggregate.streamId, attempt: attempt + 1, error });
      }
      try {
        await pause(attempt, updateOptions.signal);
      } catch (error) {
        throw asUnknown(unknown, error);
      }
    }
  }

  async function change(
    load: () => Promise<A>,
    work: (aggregate: A) => void | Promise<void>,
    updateOptions: UpdateOptions = {},
  ): Promise<Saved & { readonly aggregate: A }> {
    const retries = checkedRetries(updateOptions.retries ?? settings.retries);
    for (let attempt = 0; ; attempt += 1) {
      const aggregate = await load();
      await work(aggregate);
      try {
        return { ...(await saveSettled(aggregate, updateOptions, retries)), aggregate };
      } catch (error) {
        if (!isEventSourcingError(error, "ES_CONCURRENCY") || attempt >= retries) throw error;
        settings.report({ kind: "conflict-retried", streamId: aggregate.streamId, attempt: attempt + 1 });
        await pause(attempt, updateOptions.signal);
      }
    }
  }

  const repository: Repository<A, Tx> = {
    create: (id) => new aggregateClass(id),

    async load(id, loadOptions) {
      const found = await loader.find(id, loadOptions);
      if (found === undefined) throw new AggregateNotFoundError(streamId(id));
      return found;
    },

    find: (id, loadOptions) => loader.find(id, loadOptions),

    loadOrCreate: async (id, loadOptions) => (await loader.find(id, loadOptions)) ?? new aggregateClass(id),

    loadAt: (id, point, loadOptions) => loader.loadAt(id, point, loadOptions),

    exists: async (id, loadOptions) => (await repository.version(id, loadOptions)) > 0,

    async version(id, loadOptions = {}) {
      for await (const page of store.readStream(streamId(id), { ...loadOptions, direction: "backward", limit: 1 })) {
        return page[0]?.version ?? 0;
      }
      return 0;
    },

    save,
    prepareSave,

    update: (id, work, updateOptions) =>
      change(() => repository.load(id, signalOf(updateOptions)), work, updateOptions),

    execute: (id, command, updateOptions) =>
      change(
        () => repository.loadOrCreate(id, signalOf(updateOptions)),
        (aggregate) => executeOn(aggregate, command),
        updateOptions,
      ),

    snapshot: (aggregate) => snapshots.takeNow(aggregate),
    deleteSnapshots: (id) => snapshots.delete(streamId(id)),
    purgeSnapshots: () => snapshots.purge(),
    idle: () => snapshots.idle(),
  };
  return repository;
}

/** What a save ends with. Once an attempt may have been stored, only an answer about the stream says whether it was. */
function asUnknown(unknown: UnknownOutcomeError | undefined, error: unknown): unknown {
  if (unknown === undefined || unknown === error) return error;
  if (isEventSourcingError(error, "ES_CONCURRENCY") || isEventSourcingError(error, "ES_CONDITION_FAILED")) return error;
  return new UnknownOutcomeError(
    "an earlier attempt of this save may have been stored, and the later ones could not find out; repeat the save of the same aggregate",
    { cause: new AggregateError([unknown, error], "the attempt whose outcome is unknown, and the last one") },
  );
}

function executeOn<A extends AnyAggregate>(aggregate: A, command: CommandOf<A> & AnyCommand): void {
  aggregate.execute(command);
}

function signalOf(options: UpdateOptions | undefined): { readonly signal?: AbortSignal } {
  return options?.signal === undefined ? {} : { signal: options.signal };
}
