import {
  cloneJson,
  formatPosition,
  matchesQueries,
  meetsExpectedVersion,
  type PreparedWrite,
  parsePosition,
  prepareAppend,
  prepareLogRead,
  prepareStreamRead,
  throwIfAborted,
  versionBefore,
} from "../src/adapter/index.ts";
import {
  type AppendOptions,
  type AppendResult,
  type Capabilities,
  ConcurrencyError,
  type EventStore,
  type Page,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  type Register,
  type Registers,
  type RegisterWriteOptions,
  type Write,
} from "../src/index.ts";

/** What stands for a transaction: the fake only notes that it was passed. */
export interface FakeTx {
  readonly name: string;
}

/** One call of a store, as far as tests ask about it. */
export interface StoreCall {
  readonly method: "append" | "readStream" | "readAll" | "get" | "set" | "delete" | "keys";
  readonly target: string;
  readonly options: unknown;
}

/** The smallest store that keeps the contract, with a record of its calls and with failures on demand. */
export class FakeEventStore implements EventStore<FakeTx> {
  readonly capabilities: Capabilities;
  /** Every call, oldest first. */
  calls: StoreCall[] = [];
  /** The newest register values by key. */
  readonly values = new Map<string, Register>();
  /** `recordedAt` of the events that are appended. */
  now = 0;
  /** Runs before a register is written; may change it first, to stage a race. */
  beforeSet: ((key: string) => void) | undefined;
  /** Thrown by every call of the registers. */
  registersError: Error | undefined;

  #log: RecordedEvent[] = [];
  #nextAppend: { readonly error: Error; readonly isStored: boolean }[] = [];
  #beforeAppend: (() => Promise<void>) | undefined;
  #revision = 0;

  constructor(capabilities: Partial<Capabilities> = {}) {
    this.capabilities = {
      atomicStreams: Number.POSITIVE_INFINITY,
      maxEventsPerAppend: Number.POSITIVE_INFINITY,
      maxBytesPerAppend: Number.POSITIVE_INFINITY,
      transactions: true,
      conditions: "query",
      filter: "store",
      wakeUp: "poll",
      durability: "none",
      shared: false,
      gaps: {},
      ...capabilities,
    };
  }

  /** The next append fails, having stored its events (`"after"`) or not (`"before"`). Further calls queue. */
  failNextAppend(when: "before" | "after", error: Error): void {
    this.#nextAppend.push({ error, isStored: when === "after" });
  }

  /** The next append waits for this first, so that a test can act meanwhile. */
  holdNextAppend(until: () => Promise<void>): void {
    this.#beforeAppend = until;
  }

  /** Every stored event, oldest first. */
  get log(): readonly RecordedEvent[] {
    return this.#log;
  }

  /** Takes a stored event for another, as a damaged or restored backend would. */
  tamper(index: number, change: Partial<RecordedEvent>): void {
    this.#log = this.#log.map((event, at) => (at === index ? { ...event, ...change } : event));
  }

  /** Forgets the events of a stream, as a backend that was restored from a backup would. */
  forget(streamId: string): void {
    this.#log = this.#log.filter((event) => event.streamId !== streamId);
  }

  /** How many calls of a method there were. */
  count(method: StoreCall["method"]): number {
    return this.calls.filter((call) => call.method === method).length;
  }

  async append(writes: Write | readonly Write[], options: AppendOptions<FakeTx> = {}): Promise<AppendResult> {
    const prepared = prepareAppend(writes, this.capabilities);
    this.calls.push({ method: "append", target: prepared.map((write) => write.streamId).join(), options });
    throwIfAborted(options.signal);
    const hold = this.#beforeAppend;
    this.#beforeAppend = undefined;
    await hold?.();
    const failure = this.#nextAppend.shift();
    if (failure !== undefined && !failure.isStored) throw failure.error;
    const result = this.#store(prepared);
    if (failure !== undefined) throw failure.error;
    return result;
  }

  #stream(streamId: string): readonly RecordedEvent[] {
    return this.#log.filter((event) => event.streamId === streamId);
  }

  #store(writes: readonly PreparedWrite[]): AppendResult {
    for (const { streamId, expected } of writes) {
      const actual = this.#stream(streamId).length;
      if (meetsExpectedVersion(expected, actual)) continue;
      const versions = writes.flatMap((write) => this.#versionOfRetry(write) ?? []);
      if (versions.length === writes.length)
        return { position: formatPosition(this.#log.length), versions, duplicate: true };
      throw new ConcurrencyError({ streamId, expected, actual });
    }
    const versions = writes.map(({ streamId, events }) => {
      for (const event of events) {
        const version = this.#stream(streamId).length + 1;
        this.#log.push({
          ...event,
          streamId,
          version,
          position: formatPosition(this.#log.length + 1),
          recordedAt: this.now,
        });
      }
      return this.#stream(streamId).length;
    });
    return { position: formatPosition(this.#log.length), versions, duplicate: false };
  }

  #versionOfRetry({ streamId, expected, events }: PreparedWrite): number | undefined {
    const before = versionBefore(expected);
    if (before === undefined) return undefined;
    const stream = this.#stream(streamId);
    return events.every((event, index) => stream[before + index]?.id === event.id) ? before + events.length : undefined;
  }

  async *readStream(streamId: string, options: ReadStreamOptions = {}): AsyncGenerator<readonly RecordedEvent[]> {
    const read = prepareStreamRead(streamId, options);
    this.calls.push({ method: "readStream", target: streamId, options });
    throwIfAborted(read.signal);
    const found = this.#stream(streamId).filter((event) => event.version >= read.from && event.version <= read.to);
    yield* pagesOf((read.isBackward ? found.toReversed() : found).slice(0, read.limit), read.pageSize);
  }

  async *readAll(options: ReadAllOptions = {}): AsyncGenerator<Page> {
    const read = prepareLogRead(options);
    this.calls.push({ method: "readAll", target: "", options });
    const found = this.#log.slice(parsePosition(read.after)).filter((event) => matchesQueries(event, read.queries));
    for (const events of pagesOf(found.slice(0, read.limit), read.pageSize)) {
      const next = events.at(-1)?.position ?? read.after;
      yield { events, next, isCaughtUp: next === (await this.head()) };
    }
  }

  async head(): Promise<Position> {
    return formatPosition(this.#log.length);
  }

  async identity(): Promise<string> {
    return "fake";
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  readonly registers: Registers<FakeTx> = {
    get: async (key, options = {}) => {
      this.#registerCall("get", key, options);
      return this.values.get(key);
    },
    set: async (key, value, options = {}) => {
      this.#registerCall("set", key, options);
      const race = this.beforeSet;
      this.beforeSet = undefined;
      race?.(key);
      return this.#isCurrent(key, options) ? this.put(key, value) : undefined;
    },
    delete: async (key, options = {}) => {
      this.#registerCall("delete", key, options);
      return this.#isCurrent(key, options) && this.values.delete(key);
    },
    keys: (prefix, options = {}) => this.#keys(prefix, options),
  };

  /** Writes a register without a call on record. */
  put(key: string, value: string): number {
    this.#revision += 1;
    this.values.set(key, { value, revision: this.#revision });
    return this.#revision;
  }

  async *#keys(prefix: string, options: object): AsyncGenerator<string> {
    this.#registerCall("keys", prefix, options);
    yield* [...this.values.keys()].filter((key) => key.startsWith(prefix));
  }

  #registerCall(method: StoreCall["method"], target: string, options: { readonly signal?: AbortSignal }): void {
    this.calls.push({ method, target, options });
    throwIfAborted(options.signal);
    if (this.registersError !== undefined) throw this.registersError;
  }

  #isCurrent(key: string, { expected }: RegisterWriteOptions<FakeTx>): boolean {
    return expected === undefined || (this.values.get(key)?.revision ?? 0) === expected;
  }
}

function* pagesOf(events: readonly RecordedEvent[], pageSize: number): Generator<readonly RecordedEvent[]> {
  for (let start = 0; start < events.length; start += pageSize) {
    yield events.slice(start, start + pageSize).map((event) => ({
      ...event,
      data: cloneJson(event.data),
      metadata: { ...event.metadata },
    }));
  }
}
