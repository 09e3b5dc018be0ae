import { describe, expect, it } from "vitest";
import {
  AbortedError,
  AggregateNotFoundError,
  causedBy,
  ConcurrencyError,
  ConditionFailedError,
  createRepository,
  type Repository,
  type RepositoryOptions,
  type RepositoryReport,
  saveTogether,
  START,
  StoreUnavailableError,
  StreamIntegrityError,
  UnknownOutcomeError,
  UnsupportedError,
  everyNEvents,
} from "../src/index.ts";
import { Counter, ones, Tally } from "./counter.ts";
import { FakeEventStore, type FakeTx } from "./fake-event-store.ts";

interface Setup {
  readonly store: FakeEventStore;
  readonly tallies: Repository<Tally, FakeTx>;
  readonly counters: Repository<Counter, FakeTx>;
  readonly reports: RepositoryReport[];
}

function setup(options: RepositoryOptions = {}): Setup {
  const store = new FakeEventStore();
  const reports: RepositoryReport[] = [];
  const quick = { random: () => 0, onReport: (report: RepositoryReport) => void reports.push(report), ...options };
  return {
    store,
    tallies: createRepository(store, Tally, quick),
    counters: createRepository(store, Counter, quick),
    reports,
  };
}

async function saved(tallies: Repository<Tally, FakeTx>, id: string, ...amounts: readonly number[]): Promise<Tally> {
  const tally = await tallies.loadOrCreate(id);
  tally.execute({ type: "Add", data: { amounts } });
  await tallies.save(tally);
  return tally;
}

describe("save", () => {
  it("calls nothing when there is nothing to save", async () => {
    const { store, tallies } = setup();

    const result = await tallies.save(tallies.create("a"));

    expect(result).toEqual({ version: 0, events: 0, position: START, duplicate: false });
    expect(store.calls).toEqual([]);
  });

  it("stores the pending events and moves the version", async () => {
    const { store, tallies } = setup();
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1, 2] } });

    const result = await tallies.save(tally);

    expect(result).toEqual({ version: 2, events: 2, position: await store.head(), duplicate: false });
    expect(tally.version).toBe(2);
    expect(tally.pendingEvents).toEqual([]);
    expect((await tallies.load("a")).state).toEqual(tally.state);
  });

  it("refuses a loser, which keeps its pending events and their ids", async () => {
    const { store, tallies } = setup();
    await saved(tallies, "a", 1);
    const loser = await tallies.load("a");
    loser.execute({ type: "Add", data: { amounts: [5] } });
    const before = loser.repositoryAccess().newEvents(() => crypto.randomUUID(), {});
    await saved(tallies, "a", 2);

    const refused = tallies.save(loser);

    await expect(refused).rejects.toMatchObject({
      code: "ES_CONCURRENCY",
      streamId: "tally-a",
      expected: 1,
      actual: 2,
    });
    expect(loser.pendingEvents).toHaveLength(1);
    expect(loser.version).toBe(1);
    expect(loser.repositoryAccess().newEvents(() => crypto.randomUUID(), {})).toEqual(before);
    expect(store.log).toHaveLength(2);
  });

  it("lets one of several concurrent savers win", async () => {
    const { tallies } = setup();
    const savers = await Promise.all(ones(5).map(() => tallies.loadOrCreate("a")));
    for (const saver of savers) saver.execute({ type: "Add", data: { amounts: [1] } });

    const results = await Promise.allSettled(savers.map((saver) => tallies.save(saver)));

    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("refuses to save a new aggregate whose id is taken", async () => {
    const { tallies } = setup();
    await saved(tallies, "a", 1);
    const second = tallies.create("a");
    second.execute({ type: "Add", data: { amounts: [1] } });

    await expect(tallies.save(second)).rejects.toBeInstanceOf(ConcurrencyError);
  });

  it("is repeated after an unknown outcome with the same ids and recognised as a duplicate", async () => {
    const { store, tallies } = setup();
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });
    store.failNextAppend("after", new UnknownOutcomeError("the connection was lost"));

    await expect(tallies.save(tally)).rejects.toBeInstanceOf(UnknownOutcomeError);
    const result = await tallies.save(tally);

    expect(result).toMatchObject({ version: 1, events: 1, duplicate: true });
    expect(store.log).toHaveLength(1);
    expect(tally.hasPendingEvents).toBe(false);
  });

  it("keeps events that are emitted while it runs", async () => {
    const { store, tallies } = setup();
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });
    store.holdNextAppend(async () => tally.execute({ type: "Add", data: { amounts: [2] } }));

    await tallies.save(tally);

    expect(tally.version).toBe(1);
    expect(tally.pendingEvents).toMatchObject([{ data: { amount: 2 } }]);
    await tallies.save(tally);
    expect((await tallies.load("a")).state.amounts).toEqual([1, 2]);
  });

  it("stores once when it is called twice at the same time", async () => {
    const { store, tallies } = setup();
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });

    const results = await Promise.all([tallies.save(tally), tallies.save(tally)]);

    expect(results.map(({ duplicate }) => duplicate)).toEqual([false, true]);
    expect(store.log).toHaveLength(1);
    expect(tally.version).toBe(1);
  });

  it("passes the transaction, the condition and the signal to the store", async () => {
    const { store, tallies } = setup();
    const tx: FakeTx = { name: "tx" };
    const { signal } = new AbortController();
    const condition = { none: { types: ["Closed"] }, after: START };
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });

    await tallies.save(tally, { tx, if: condition, signal });

    expect(store.calls[0]?.options).toEqual({ tx, if: condition, signal });
  });

  it("keeps the pending events when the signal has aborted", async () => {
    const { store, tallies } = setup();
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });

    await expect(tallies.save(tally, { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(AbortedError);

    expect(tally.hasPendingEvents).toBe(true);
    expect(store.log).toEqual([]);
  });
});

describe("metadata of a save", () => {
  it("draws one correlation id for all events of a save and another for the next", async () => {
    const { store, tallies } = setup();
    const tally = await saved(tallies, "a", 1, 2);
    tally.execute({ type: "Add", data: { amounts: [3] } });
    await tallies.save(tally);

    const ids = store.log.map(({ metadata }) => metadata.correlationId);

    expect(ids[0]).toEqual(expect.any(String));
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it("keeps what is given", async () => {
    const { store, tallies } = setup();
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });

    await tallies.save(tally, { metadata: { correlationId: "c", actor: "ada" } });

    expect(store.log[0]?.metadata).toEqual({ correlationId: "c", actor: "ada" });
  });

  it("copies the correlation of a causing event and names it as the cause", () => {
    expect(causedBy({ id: "e1", metadata: { correlationId: "c", actor: "ada" } })).toEqual({
      correlationId: "c",
      causationId: "e1",
    });
    expect(causedBy({ id: "e1", metadata: {} })).toEqual({ correlationId: "e1", causationId: "e1" });
  });

  it("never takes over the schema version of another event", async () => {
    const { store, tallies } = setup();
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });

    await tallies.save(tally, { metadata: { schemaVersion: 7 } });

    expect(store.log[0]?.metadata).not.toHaveProperty("schemaVersion");
    expect((await tallies.load("a")).state.total).toBe(1);
  });

  it("makes the id of a command the cause of its events", async () => {
    const { store, counters } = setup();

    await counters.execute("a", { type: "AddTwice", data: { amount: 1 }, id: "command-1" });

    expect(store.log.map(({ metadata }) => metadata.causationId)).toEqual(["command-1", "command-1"]);
  });
});

describe("load", () => {
  it("refuses an aggregate without events", async () => {
    const { tallies } = setup();

    await expect(tallies.load("a")).rejects.toMatchObject({ code: "ES_AGGREGATE_NOT_FOUND", streamId: "tally-a" });
  });

  it("finds nothing or an aggregate", async () => {
    const { tallies } = setup();
    await saved(tallies, "b", 1);

    expect(await tallies.find("a")).toBeUndefined();
    expect((await tallies.find("b"))?.version).toBe(1);
  });

  it("creates what does not exist when asked to", async () => {
    const { store, tallies } = setup();

    const tally = await tallies.loadOrCreate("a");

    expect(tally.isNew).toBe(true);
    expect(store.log).toEqual([]);
  });

  it("tells existence and version without replaying", async () => {
    const { store, tallies } = setup();
    await saved(tallies, "a", ...ones(20));
    store.calls = [];

    expect(await tallies.exists("a")).toBe(true);
    expect(await tallies.version("a")).toBe(20);
    expect(await tallies.exists("b")).toBe(false);
    expect(await tallies.version("b")).toBe(0);

    for (const call of store.calls) expect(call.options).toMatchObject({ direction: "backward", limit: 1 });
  });

  it("refuses an event of another stream", async () => {
    const { store, tallies } = setup();
    await saved(tallies, "a", 1);
    const events = store.log.map((event) => ({ ...event, streamId: "tally-b" }));
    store.readStream = async function* () {
      yield events;
    };

    await expect(tallies.load("a")).rejects.toBeInstanceOf(StreamIntegrityError);
  });

  it("refuses a hole in the versions", async () => {
    const { store, tallies } = setup();
    await saved(tallies, "a", 1, 2, 3);
    store.tamper(1, { version: 9 });

    await expect(tallies.load("a")).rejects.toThrow("after version 1 comes version 9");
  });

  it("refuses an event of an unknown type, naming stream and version", async () => {
    const { store, tallies } = setup();
    await saved(tallies, "a", 1, 2);
    store.tamper(1, { type: "Unheard" });

    await expect(tallies.load("a")).rejects.toMatchObject({
      code: "ES_UNKNOWN_EVENT_TYPE",
      streamId: "tally-a",
      version: 2,
    });
  });

  it("ends with AbortedError when the signal has aborted, with snapshots too", async () => {
    const { tallies } = setup({ snapshots: { policy: { versionsDue: () => [] } } });
    await saved(tallies, "a", 1);

    await expect(tallies.load("a", { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(AbortedError);
  });
});

describe("loadAt", () => {
  it("gives the state at a version", async () => {
    const { tallies } = setup();
    await saved(tallies, "a", 1, 2, 4);

    const tally = await tallies.loadAt("a", { version: 2 });

    expect(tally.state.total).toBe(3);
    expect(tally.version).toBe(2);
  });

  it("refuses a version above the newest", async () => {
    const { tallies } = setup();
    await saved(tallies, "a", 1);

    await expect(tallies.loadAt("a", { version: 2 })).rejects.toThrow("has no version 2; its newest is 1");
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses the version %s", async (version) => {
    const { tallies } = setup();
    await saved(tallies, "a", 1);

    await expect(tallies.loadAt("a", { version })).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
  });

  it("gives the state of a moment, its own millisecond included", async () => {
    const { store, tallies } = setup();
    for (const [now, amount] of [
      [1_000, 1],
      [2_000, 2],
      [3_000, 4],
    ] as const) {
      store.now = now;
      await saved(tallies, "a", amount);
    }

    expect((await tallies.loadAt("a", { time: new Date(2_000) })).state.total).toBe(3);
    expect((await tallies.loadAt("a", { time: new Date(2_999) })).state.total).toBe(3);
    expect((await tallies.loadAt("a", { time: new Date(9_000) })).state.total).toBe(7);
  });

  it("refuses a moment before the first event", async () => {
    const { store, tallies } = setup();
    store.now = 1_000;
    await saved(tallies, "a", 1);

    await expect(tallies.loadAt("a", { time: new Date(999) })).rejects.toBeInstanceOf(AggregateNotFoundError);
  });

  it("refuses an aggregate that does not exist and a time that is none", async () => {
    const { tallies } = setup();

    await expect(tallies.loadAt("a", { version: 1 })).rejects.toBeInstanceOf(AggregateNotFoundError);
    await expect(tallies.loadAt("a", { time: new Date(Number.NaN) })).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
    });
  });
});

describe("the cache", () => {
  const cache = { maxSize: 2 };

  it("reads only from the newest cached event on", async () => {
    const { store, tallies } = setup({ cache });
    await saved(tallies, "a", 1, 2, 3);
    store.calls = [];

    await tallies.load("a");

    expect(store.calls).toMatchObject([{ method: "readStream", options: { from: 3 } }]);
  });

  it("hands out aggregates that do not see each other's changes", async () => {
    const { tallies } = setup({ cache });
    await saved(tallies, "a", 1);
    const first = await tallies.load("a");
    const second = await tallies.load("a");

    first.execute({ type: "Add", data: { amounts: [5] } });

    expect(second).not.toBe(first);
    expect(second.state.total).toBe(1);
    expect((await tallies.load("a")).state.total).toBe(1);
  });

  it("drops the least recently used", async () => {
    const { store, tallies } = setup({ cache });
    for (const id of ["a", "b"]) await saved(tallies, id, 1, 2);
    await tallies.load("a");
    await saved(tallies, "c", 1, 2);
    store.calls = [];

    for (const id of ["a", "c", "b"]) await tallies.load(id);

    expect(store.calls.map(({ options }) => options)).toMatchObject([{ from: 2 }, { from: 2 }, { from: 1 }]);
  });

  it("sees what another process has written", async () => {
    const { store, tallies } = setup({ cache });
    await saved(tallies, "a", 1);
    await saved(createRepository(store, Tally), "a", 2);

    expect((await tallies.load("a")).state.total).toBe(3);
  });

  it("discards a state of another history", async () => {
    const { store, tallies } = setup({ cache });
    await saved(tallies, "a", 1, 2);
    store.forget("tally-a");
    await saved(createRepository(store, Tally), "a", 10, 20, 30);

    expect((await tallies.load("a")).state.total).toBe(60);
  });

  it("finds nothing when the stream is gone", async () => {
    const { store, tallies } = setup({ cache });
    await saved(tallies, "a", 1, 2);
    store.forget("tally-a");

    expect(await tallies.find("a")).toBeUndefined();
  });

  it("does not keep what was saved in the caller's transaction", async () => {
    const { store, tallies } = setup({ cache });
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1, 2] } });
    await tallies.save(tally, { tx: { name: "tx" } });
    store.calls = [];

    await tallies.load("a");

    expect(store.calls).toMatchObject([{ options: { from: 1 } }]);
  });

  it.each([0, -1, Number.NaN])("refuses the size %s", (maxSize) => {
    expect(() => setup({ cache: { maxSize } })).toThrow("cache.maxSize");
  });
});

describe("update", () => {
  it("is not filled from an aggregate whose transaction may have been rolled back, not even by a later save", async () => {
    const { store, tallies } = setup({ cache: { maxSize: 10 }, snapshots: { policy: everyNEvents(1) } });
    const tally = await saved(tallies, "a", 1);
    tally.execute({ type: "Add", data: { amounts: [50] } });
    await tallies.save(tally, { tx: { name: "rolled back" } });
    store.tamper(1, { data: { amount: 5 } });
    store.values.clear();

    tally.execute({ type: "Add", data: { amounts: [3] } });
    await tallies.save(tally);

    expect((await tallies.load("a")).state.total).toBe(9);
    expect(store.values.size).toBe(0);
  });

  it("is not filled from a save whose events were recognised by their ids alone", async () => {
    const { store, tallies } = setup({ cache: { maxSize: 10 } });
    const others = createRepository(store, Tally);
    const id = crypto.randomUUID();
    const [mine, other] = [await saved(tallies, "a", 1), await others.load("a")];
    other.emitAsGiven({ type: "Added", data: { amount: 100 }, id });
    await others.save(other);

    mine.emitAsGiven({ type: "Added", data: { amount: 2 }, id });

    expect(await tallies.save(mine)).toMatchObject({ duplicate: true });
    expect((await tallies.load("a")).state.total).toBe(101);
  });

  it("decides again on the new state after a conflict", async () => {
    const { tallies, reports } = setup();
    await saved(tallies, "a", 1);
    const seen: number[] = [];

    const { aggregate } = await tallies.update("a", async (tally) => {
      seen.push(tally.state.total);
      if (seen.length < 3) await saved(tallies, "a", 10);
      tally.execute({ type: "Add", data: { amounts: [tally.state.total] } });
    });

    expect(seen).toEqual([1, 11, 21]);
    expect(aggregate.state.total).toBe(42);
    expect(reports).toMatchObject([
      { kind: "conflict-retried", attempt: 1 },
      { kind: "conflict-retried", attempt: 2 },
    ]);
  });

  it("gives up after its retries", async () => {
    const { tallies } = setup();
    await saved(tallies, "a", 1);
    let runs = 0;
    async function meetConflict(tally: Tally): Promise<void> {
      runs += 1;
      await saved(tallies, "a", 1);
      tally.execute({ type: "Add", data: { amounts: [1] } });
    }

    await expect(tallies.update("a", meetConflict, { retries: 2 })).rejects.toBeInstanceOf(ConcurrencyError);

    expect(runs).toBe(3);
  });

  it("does not retry what the work throws", async () => {
    const { tallies } = setup();
    await saved(tallies, "a", 1);
    let runs = 0;

    const refused = tallies.update("a", () => {
      runs += 1;
      throw new ConcurrencyError({ streamId: "tally-b", expected: 0, actual: 1 });
    });

    await expect(refused).rejects.toBeInstanceOf(ConcurrencyError);
    expect(runs).toBe(1);
  });

  it("does not retry a failed condition", async () => {
    const { store, tallies } = setup();
    await saved(tallies, "a", 1);
    const condition = { none: {}, after: START };
    store.failNextAppend("before", new ConditionFailedError({ condition, position: "1" }));

    const refused = tallies.update("a", (tally) => tally.execute({ type: "Add", data: { amounts: [1] } }), {
      if: condition,
    });

    await expect(refused).rejects.toBeInstanceOf(ConditionFailedError);
  });

  it("settles a save of unknown outcome without deciding again", async () => {
    const { store, tallies, reports } = setup();
    await saved(tallies, "a", 1);
    store.failNextAppend("after", new UnknownOutcomeError("lost"));
    store.failNextAppend("before", new StoreUnavailableError("locked"));
    let runs = 0;

    const result = await tallies.update("a", (tally) => {
      runs += 1;
      tally.execute({ type: "Add", data: { amounts: [1] } });
    });

    expect(result).toMatchObject({ version: 2, duplicate: true });
    expect(runs).toBe(1);
    expect(reports.map(({ kind }) => kind)).toEqual(["save-repeated", "save-repeated"]);
  });

  it("keeps saying that the outcome is unknown when the later attempts cannot find out", async () => {
    const { store, tallies } = setup({ retries: 2 });
    await saved(tallies, "a", 1);
    const work = (tally: Tally): void => tally.execute({ type: "Add", data: { amounts: [1] } });
    const lose = (): void => store.failNextAppend("after", new UnknownOutcomeError("lost"));

    lose();
    for (let time = 0; time < 2; time += 1) store.failNextAppend("before", new StoreUnavailableError("away"));
    await expect(tallies.update("a", work)).rejects.toMatchObject({
      code: "ES_UNKNOWN_OUTCOME",
      cause: { errors: [{ code: "ES_UNKNOWN_OUTCOME" }, { code: "ES_STORE_UNAVAILABLE" }] },
    });

    const abort = new AbortController();
    lose();
    store.failNextAppend("before", new StoreUnavailableError("away"));
    store.holdNextAppend(async () => abort.abort());
    await expect(tallies.update("a", work, { signal: abort.signal })).rejects.toMatchObject({
      code: "ES_UNKNOWN_OUTCOME",
    });
  });

  it("stores nothing when the work changes nothing", async () => {
    const { store, tallies } = setup();
    await saved(tallies, "a", 1);

    expect(await tallies.update("a", () => undefined)).toMatchObject({ events: 0, version: 1 });
    expect(store.count("append")).toBe(1);
  });

  it("refuses an aggregate that does not exist", async () => {
    const { tallies } = setup();

    await expect(tallies.update("a", () => undefined)).rejects.toBeInstanceOf(AggregateNotFoundError);
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses %s retries", async (retries) => {
    const { tallies } = setup();

    await expect(tallies.update("a", () => undefined, { retries })).rejects.toThrow("retries is");
    expect(() => setup({ retries })).toThrow("retries is");
  });

  it("stops between attempts when the signal aborts", async () => {
    const { tallies } = setup({ random: () => 1 });
    await saved(tallies, "a", 1);
    const controller = new AbortController();

    const aborted = tallies.update(
      "a",
      async (tally) => {
        await saved(tallies, "a", 1);
        tally.execute({ type: "Add", data: { amounts: [1] } });
        queueMicrotask(() => controller.abort());
      },
      { signal: controller.signal },
    );

    await expect(aborted).rejects.toBeInstanceOf(AbortedError);
  });
});

describe("execute", () => {
  it("creates what does not exist and changes what does", async () => {
    const { counters } = setup();

    await counters.execute("a", { type: "Open", data: { label: "first" } });
    const result = await counters.execute("a", { type: "Add", data: { amount: 2 } });

    expect(result).toMatchObject({ version: 2, events: 1 });
    expect(result.aggregate.state).toEqual({ label: "first", total: 2, amounts: [2] });
  });

  it("stores every one of several concurrent commands", async () => {
    const { counters } = setup({ retries: 50 });

    await Promise.all(ones(10).map((amount) => counters.execute("a", { type: "Add", data: { amount } })));

    expect((await counters.load("a")).state.total).toBe(10);
  });

  it("stores nothing when the command is refused", async () => {
    const { store, counters } = setup();

    await expect(counters.execute("a", { type: "Add", data: { amount: 1_001 } })).rejects.toThrow(
      "a counter ends at 1000",
    );

    expect(store.log).toEqual([]);
  });
});

describe("saveTogether", () => {
  it("stores aggregates of several kinds in one append", async () => {
    const { store, tallies, counters } = setup();
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1, 2] } });
    const counter = counters.create("b");
    counter.execute({ type: "Add", data: { amount: 3 } });

    const results = await saveTogether(store, [tallies.prepareSave(tally), counters.prepareSave(counter)]);

    expect(store.count("append")).toBe(1);
    expect(results.map(({ version, events }) => [version, events])).toEqual([
      [2, 2],
      [1, 1],
    ]);
    expect(new Set(store.log.map(({ metadata }) => metadata.correlationId)).size).toBe(1);
    expect([tally.hasPendingEvents, counter.hasPendingEvents]).toEqual([false, false]);
  });

  it("stores nothing and keeps all pending events when one of them has moved", async () => {
    const { store, tallies } = setup();
    await saved(tallies, "a", 1);
    const stale = await tallies.load("a");
    await saved(tallies, "a", 1);
    const fresh = tallies.create("b");
    for (const tally of [fresh, stale]) tally.execute({ type: "Add", data: { amounts: [1] } });

    await expect(
      saveTogether(
        store,
        [fresh, stale].map((tally) => tallies.prepareSave(tally)),
      ),
    ).rejects.toBeInstanceOf(ConcurrencyError);

    expect(store.log).toHaveLength(2);
    expect([fresh.hasPendingEvents, stale.hasPendingEvents]).toEqual([true, true]);
  });

  it("answers for an aggregate without pending events in its place", async () => {
    const { store, tallies } = setup();
    const clean = await saved(tallies, "a", 1, 2);
    const dirty = tallies.create("b");
    dirty.execute({ type: "Add", data: { amounts: [1] } });

    const results = await saveTogether(
      store,
      [clean, dirty].map((tally) => tallies.prepareSave(tally)),
    );

    expect(results).toMatchObject([
      { version: 2, events: 0, position: START },
      { version: 1, events: 1 },
    ]);
  });

  it("calls nothing when there is nothing to save", async () => {
    const { store, tallies } = setup();

    expect(await saveTogether(store, [])).toEqual([]);
    expect(await saveTogether(store, [tallies.prepareSave(tallies.create("a"))])).toMatchObject([{ events: 0 }]);
    expect(store.calls).toEqual([]);
  });

  it("is refused by a store that takes one stream at a time", async () => {
    const store = new FakeEventStore({ atomicStreams: 1, gaps: { atomicStreams: "it has one file for each stream" } });
    const tallies = createRepository(store, Tally);
    const both = ["a", "b"].map((id) => tallies.create(id));
    for (const tally of both) tally.execute({ type: "Add", data: { amounts: [1] } });

    const refused = saveTogether(
      store,
      both.map((tally) => tallies.prepareSave(tally)),
    );

    await expect(refused).rejects.toBeInstanceOf(UnsupportedError);
    expect(store.log).toEqual([]);
  });
});
