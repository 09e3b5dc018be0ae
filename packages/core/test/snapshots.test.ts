import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  atMultiplesOf,
  createRepository,
  defineAggregate,
  everyNEvents,
  manually,
  type Repository,
  type RepositoryOptions,
  type RepositoryReport,
  type SnapshotPolicy,
  StoreUnavailableError,
  versioned,
  whenOlderThan,
} from "../src/index.ts";
import { parseSnapshot, serializeSnapshot } from "../src/snapshots/snapshot.ts";
import { counterEvents, ones, Tally, tallyDefinition } from "./counter.ts";
import { FakeEventStore, type FakeTx } from "./fake-event-store.ts";

const KEY = "snapshot:tally-a";

interface Setup {
  readonly store: FakeEventStore;
  readonly tallies: Repository<Tally, FakeTx>;
  readonly reports: RepositoryReport[];
}

function setup(snapshots: RepositoryOptions["snapshots"], options: RepositoryOptions = {}): Setup {
  const store = new FakeEventStore();
  const reports: RepositoryReport[] = [];
  const tallies = createRepository(store, Tally, {
    ...(snapshots === undefined ? {} : { snapshots }),
    onReport: (report) => void reports.push(report),
    ...options,
  });
  return { store, tallies, reports };
}

async function add(tallies: Repository<Tally, FakeTx>, count: number, id = "a"): Promise<Tally> {
  const tally = await tallies.loadOrCreate(id);
  tally.execute({ type: "Add", data: { amounts: ones(count) } });
  await tallies.save(tally);
  return tally;
}

/** The versions of the snapshots after each of the saves that end at these versions. */
async function snapshotsOf(
  snapshots: { policy: SnapshotPolicy; keep?: "latest" | "all" },
  ends: readonly number[],
): Promise<number[][]> {
  const { tallies, reports } = setup(snapshots);
  const taken: number[][] = [];
  let version = 0;
  for (const end of ends) {
    reports.length = 0;
    await add(tallies, end - version);
    version = end;
    taken.push(reports.flatMap((report) => (report.kind === "snapshot-taken" ? [report.version] : [])));
  }
  return taken;
}

function misses(reports: readonly RepositoryReport[]): string[] {
  return reports.flatMap((report) => (report.kind === "snapshot-missed" ? [report.reason] : []));
}

describe("snapshot policies", () => {
  it("everyNEvents takes one at the end of a save that crosses a multiple", async () => {
    expect(await snapshotsOf({ policy: everyNEvents(10) }, [8, 12, 19, 20, 45])).toEqual([[], [12], [], [20], [45]]);
  });

  it("atMultiplesOf takes one at each exact multiple when all are kept", async () => {
    const policy = atMultiplesOf(10);

    expect(await snapshotsOf({ policy, keep: "all" }, [8, 12, 19, 20, 45])).toEqual([[], [10], [], [20], [30, 40]]);
  });

  it("atMultiplesOf takes the newest exact multiple of a save when the latest is kept", async () => {
    expect(await snapshotsOf({ policy: atMultiplesOf(10) }, [8, 12, 19, 20, 45])).toEqual([[], [10], [], [20], [40]]);
  });

  it("whenOlderThan takes one when the newest is too old, whether it was loaded, cached or just taken", async () => {
    for (const cache of [undefined, { maxSize: 5 }]) {
      let now = 0;
      const { tallies, reports } = setup(
        { policy: whenOlderThan(1_000) },
        { clock: () => now, ...(cache && { cache }) },
      );
      for (const time of [0, 1, 500, 1_001, 1_002, 2_003]) {
        now = time;
        await add(tallies, 1);
      }

      expect(reports.map((report) => report.kind === "snapshot-taken" && report.version)).toEqual([2, 5, 6]);
    }
  });

  it("manually takes none", async () => {
    expect(await snapshotsOf({ policy: manually() }, [50, 100])).toEqual([[], []]);
  });

  it.each([0, -1, 1.5, Number.NaN])("refuse the count %s", (n) => {
    expect(() => everyNEvents(n)).toThrow("everyNEvents");
    expect(() => atMultiplesOf(n)).toThrow("atMultiplesOf");
  });

  it("refuse a time that is none", () => {
    expect(() => whenOlderThan(-1)).toThrow("whenOlderThan");
    expect(() => whenOlderThan(Number.NaN)).toThrow("whenOlderThan");
  });
});

describe("a manual snapshot", () => {
  it("is taken once for a version", async () => {
    const { tallies, store } = setup({ policy: manually() });
    const tally = await add(tallies, 3);

    expect(await tallies.snapshot(tally)).toBe(true);
    expect(await tallies.snapshot(tally)).toBe(false);

    expect(parseSnapshot(store.values.get(KEY)?.value ?? "")).toMatchObject({ version: 3, state: { total: 3 } });
  });

  it("is not taken of an aggregate without events", async () => {
    const { tallies } = setup({ policy: manually() });

    expect(await tallies.snapshot(tallies.create("a"))).toBe(false);
  });

  it("is refused when there are pending events", async () => {
    const { tallies, store } = setup({ policy: manually() });
    const tally = await add(tallies, 3);
    tally.execute({ type: "Add", data: { amounts: [1] } });

    await expect(tallies.snapshot(tally)).rejects.toMatchObject({ code: "ES_PENDING_EVENTS" });

    expect(store.values.size).toBe(0);
  });

  it("is refused by a repository that would never read it", async () => {
    const { tallies } = setup(undefined);
    const tally = await add(tallies, 3);

    await expect(tallies.snapshot(tally)).rejects.toMatchObject({ code: "ES_CONFIGURATION" });
  });

  it("fails with what the store throws", async () => {
    const { tallies, store } = setup({ policy: manually() });
    const tally = await add(tallies, 3);
    store.registersError = new StoreUnavailableError("gone");

    await expect(tallies.snapshot(tally)).rejects.toBe(store.registersError);
  });
});

describe("taking snapshots", () => {
  it("leaves out events that are emitted while the save runs", async () => {
    const { tallies, store } = setup({ policy: everyNEvents(1) });
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });
    store.holdNextAppend(async () => tally.execute({ type: "Add", data: { amounts: [100] } }));

    await tallies.save(tally);

    expect(parseSnapshot(store.values.get(KEY)?.value ?? "")).toMatchObject({ version: 1, state: { total: 1 } });
  });

  it("never puts an older one over a newer", async () => {
    const { tallies, store } = setup({ policy: manually() });
    const old = await add(tallies, 3);
    const fresh = await add(tallies, 3);
    await tallies.snapshot(fresh);

    expect(await tallies.snapshot(old)).toBe(false);

    expect(parseSnapshot(store.values.get(KEY)?.value ?? "")?.version).toBe(6);
  });

  it("gives way to a newer one that another writer stores in between", async () => {
    const { tallies, store } = setup({ policy: manually() });
    const old = await add(tallies, 3);
    const fresh = await add(tallies, 3);
    await tallies.snapshot(fresh);
    const newer = store.values.get(KEY)?.value ?? "";
    store.values.delete(KEY);
    store.beforeSet = (key) => store.put(key, newer);

    expect(await tallies.snapshot(old)).toBe(false);

    expect(store.values.get(KEY)?.value).toBe(newer);
  });

  it("leaves the highest of concurrent writers", async () => {
    const { tallies, store } = setup({ policy: manually() });
    const versions: Tally[] = [];
    for (let count = 0; count < 8; count += 1) versions.push(await add(tallies, 1));

    await Promise.all(versions.map((tally) => tallies.snapshot(tally)));

    expect(parseSnapshot(store.values.get(KEY)?.value ?? "")?.version).toBe(8);
  });

  it("never fails the save, and reports", async () => {
    const { tallies, store, reports } = setup({ policy: everyNEvents(1) });
    store.registersError = new StoreUnavailableError("gone");
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });

    expect(await tallies.save(tally)).toMatchObject({ version: 1 });

    expect(reports).toEqual([
      { kind: "snapshot-failed", streamId: "tally-a", version: 1, error: store.registersError },
    ]);
  });

  it("never fails the save when the policy or the report throws", async () => {
    const policy: SnapshotPolicy = {
      versionsDue() {
        throw new Error("broken policy");
      },
    };
    const { tallies } = setup(
      { policy },
      {
        onReport() {
          throw new Error("broken report");
        },
      },
    );

    expect((await add(tallies, 1)).version).toBe(1);
  });

  it("never fails the save when the state breaks its schema", async () => {
    const Strict = defineAggregate({
      name: "strict",
      events: counterEvents,
      state: z.object({ total: z.number().max(1) }),
      commands: { Add: z.object({ amount: z.number() }) },
      initialState: () => ({ total: 0 }),
      evolve: { Opened: (state) => state, Added: (state, { data }) => ({ total: state.total + data.amount }) },
      decide: { Add: ({ data }) => ({ type: "Added", data }) },
    });
    const reports: RepositoryReport[] = [];
    const repository = createRepository(new FakeEventStore(), Strict, {
      snapshots: { policy: everyNEvents(1) },
      onReport: (report) => void reports.push(report),
    });

    await repository.execute("a", { type: "Add", data: { amount: 2 } });

    expect(reports).toMatchObject([{ kind: "snapshot-failed", error: { code: "ES_INVALID_STATE" } }]);
  });

  it("takes part in the caller's transaction, also in background mode", async () => {
    const { tallies, store } = setup({ policy: everyNEvents(1), mode: "background" });
    const tx: FakeTx = { name: "tx" };
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });

    await tallies.save(tally, { tx });

    const onRegisters = store.calls.filter(({ method }) => method === "get" || method === "set");
    expect(onRegisters.map(({ options }) => options)).toMatchObject([{ tx }, { tx }]);
    expect(store.values.has(KEY)).toBe(true);
  });

  it("in background mode ends after the save, and idle waits for it", async () => {
    const { tallies, store } = setup({ policy: everyNEvents(1), mode: "background" });
    const gate = Promise.withResolvers<void>();
    const { get } = store.registers;
    Object.assign(store.registers, {
      get: async (key: string) => {
        await gate.promise;
        return await get(key);
      },
    });
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });

    await tallies.save(tally);

    expect(store.values.has(KEY)).toBe(false);
    gate.resolve();
    expect(await tallies.idle()).toBe(1);
    expect(store.values.has(KEY)).toBe(true);
    expect(await tallies.idle()).toBe(0);
  });

  it("in background mode only reports a failure", async () => {
    const { tallies, store, reports } = setup({ policy: everyNEvents(1), mode: "background" });
    store.registersError = new StoreUnavailableError("gone");
    const tally = tallies.create("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });

    await tallies.save(tally);
    await tallies.idle();

    expect(reports).toMatchObject([{ kind: "snapshot-failed" }]);
  });
});

describe("loading from a snapshot", () => {
  it("reads only from its version on", async () => {
    const { tallies, store, reports } = setup({ policy: everyNEvents(10) });
    await add(tallies, 12);
    await add(tallies, 3);
    store.calls = [];

    const tally = await tallies.load("a");

    expect(tally.state.total).toBe(15);
    expect(store.calls).toMatchObject([{ method: "get" }, { method: "readStream", options: { from: 12 } }]);
    expect(misses(reports)).toEqual([]);
  });

  it.each([
    ["not JSON", "{"],
    ["another value", "42"],
    ["an object without its members", "{}"],
    [
      "a state that breaks its schema",
      serializeSnapshot({
        aggregate: "tally",
        version: 2,
        eventId: "e",
        stateVersion: 1,
        schemaVersion: 1,
        takenAt: 0,
        state: 7,
      }),
    ],
  ])("replays everything and reports when it is %s", async (_name, value) => {
    const { tallies, store, reports } = setup({ policy: manually() });
    await add(tallies, 3);
    store.put(KEY, value);
    reports.length = 0;

    expect((await tallies.load("a")).state.total).toBe(3);
    expect(misses(reports)).toEqual(["unreadable"]);
  });

  it("replays everything and reports when another state version wrote it", async () => {
    const { tallies, store, reports } = setup({ policy: everyNEvents(1) });
    await add(tallies, 3);
    const stored = store.values.get(KEY)?.value ?? "";
    store.put(KEY, stored.replace('"stateVersion":1', '"stateVersion":2').replace('"total":3', '"total":99'));

    expect((await tallies.load("a")).state.total).toBe(3);
    expect(misses(reports)).toEqual(["state-version"]);
  });

  it("replays everything and reports when it is of another history", async () => {
    const { tallies, store, reports } = setup({ policy: everyNEvents(3) });
    await add(tallies, 3);
    store.forget("tally-a");
    const other = createRepository(store, Tally);
    await add(other, 4);

    expect((await tallies.load("a")).state.total).toBe(4);
    expect(misses(reports)).toEqual(["other-history"]);
  });

  it("deletes one of another history, which would stand in the way of later ones", async () => {
    const { tallies, store } = setup({ policy: everyNEvents(3), keep: "all" });
    await add(tallies, 9);
    store.forget("tally-a");
    await add(createRepository(store, Tally), 2);

    await tallies.load("a");

    expect([...store.values.keys()]).toEqual([]);
    await add(tallies, 2);
    expect(parseSnapshot(store.values.get(KEY)?.value ?? "")?.version).toBe(4);
  });

  it("leaves a snapshot alone that replaced the one of another history meanwhile", async () => {
    const { tallies, store } = setup({ policy: manually() });
    await tallies.snapshot(await add(tallies, 3));
    const good = store.values.get(KEY)?.value ?? "";
    store.put(KEY, good.replace(/"eventId":"[^"]+"/, '"eventId":"lost"'));
    const { readStream } = store;
    store.readStream = function (streamId, options) {
      store.put(KEY, good);
      return readStream.call(store, streamId, options);
    };

    await tallies.load("a");

    expect(store.values.get(KEY)?.value).toBe(good);
  });

  it("replays everything and reports when the registers cannot be read", async () => {
    const { tallies, store, reports } = setup({ policy: everyNEvents(1) });
    await add(tallies, 3);
    store.registersError = new StoreUnavailableError("gone");

    expect((await tallies.load("a")).state.total).toBe(3);
    expect(reports.at(-1)).toMatchObject({
      kind: "snapshot-missed",
      reason: "store-error",
      error: store.registersError,
    });
  });

  it("keeps the stored state apart from the live one", async () => {
    const { tallies } = setup({ policy: everyNEvents(1) });
    const live = await add(tallies, 2);
    const first = await tallies.load("a");

    first.execute({ type: "Add", data: { amounts: [50] } });
    live.execute({ type: "Add", data: { amounts: [70] } });

    expect((await tallies.load("a")).state).toEqual({ label: "", total: 2, amounts: [1, 1] });
  });

  it("uses the newest one not above the version asked for", async () => {
    const { tallies, store, reports } = setup({ policy: everyNEvents(10), keep: "all" });
    for (let count = 0; count < 5; count += 1) await add(tallies, 10);
    store.calls = [];

    const tally = await tallies.loadAt("a", { version: 37 });

    expect(tally.state.total).toBe(37);
    expect(store.calls.at(-1)).toMatchObject({ method: "readStream", options: { from: 30, to: 37 } });
    expect(misses(reports)).toEqual([]);
  });

  it("does not change the answer for a moment, even where the clock was set back", async () => {
    const { tallies, store, reports } = setup({ policy: everyNEvents(1) });
    for (const now of [1_000, 3_000, 2_000]) {
      store.now = now;
      await add(tallies, 1);
    }

    expect((await tallies.loadAt("a", { time: new Date(1_000) })).state.total).toBe(1);
    expect((await tallies.loadAt("a", { time: new Date(2_500) })).state.total).toBe(1);
    expect((await tallies.loadAt("a", { time: new Date(3_000) })).state.total).toBe(3);
    expect(misses(reports)).toEqual([]);
  });

  it("equals a full replay, whatever the events and wherever the snapshots", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.array(fc.integer({ min: 14, max: 99 }), { minLength: 1, maxLength: 7 }), fc.boolean()), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.constantFrom<"latest" | "all">("latest", "all"),
        fc.nat(),
        async (saves, keep, seed) => {
          const { store, tallies } = setup({ policy: manually(), keep });
          for (const [amounts, isSnapshotTaken] of saves) {
            const tally = await tallies.loadOrCreate("a");
            tally.execute({ type: "Add", data: { amounts } });
            await tallies.save(tally);
            if (isSnapshotTaken) await tallies.snapshot(tally);
          }
          const plain = createRepository(store, Tally);
          const version = 1 + (seed % store.log.length);

          expect((await tallies.load("a")).state).toEqual((await plain.load("a")).state);
          expect((await tallies.loadAt("a", { version })).state).toEqual((await plain.loadAt("a", { version })).state);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("a versioned state", () => {
  const v1 = z.object({ sum: z.number() });
  const v2 = z.object({ total: z.number() });
  const v3 = z.object({ total: z.number(), label: z.string() });
  const v4 = z.object({ total: z.number(), label: z.string(), isLarge: z.boolean() });
  const chain = versioned(v1)
    .upcast(v2, ({ sum }) => ({ total: sum }))
    .upcast(v3, ({ total }) => ({ total, label: "" }))
    .upcast(v4, (state) => ({ ...state, isLarge: state.total > 100 }));
  const Versioned = defineAggregate({
    name: "tally",
    events: counterEvents,
    state: chain,
    commands: { Add: z.object({ amount: z.number() }) },
    initialState: () => ({ total: 0, label: "", isLarge: false }),
    evolve: {
      Opened: (state) => state,
      Added: (state, { data }) => ({
        ...state,
        total: state.total + data.amount,
        isLarge: state.total + data.amount > 100,
      }),
    },
    decide: { Add: ({ data }) => ({ type: "Added", data }) },
  });

  it.each([
    [1, { sum: 500 }],
    [2, { total: 500 }],
    [3, { total: 500, label: "" }],
    [4, { total: 500, label: "", isLarge: true }],
  ])("brings a snapshot of schema version %i up to date", async (schemaVersion, state) => {
    const { tallies, store } = setup({ policy: manually() });
    await add(tallies, 3);
    const [, , last] = store.log;
    const stored = {
      aggregate: "tally",
      version: 3,
      eventId: last?.id ?? "",
      stateVersion: 1,
      schemaVersion,
      takenAt: 0,
      state,
    };
    store.put(KEY, serializeSnapshot(stored));

    const loaded = await createRepository(store, Versioned, { snapshots: { policy: manually() } }).load("a");

    // 500 is not what the events say: so the snapshot was used.
    expect(loaded.state).toEqual({ total: 500, label: "", isLarge: true });
  });

  it("ignores a snapshot of a schema version that this code does not know", async () => {
    const { store, tallies } = setup({ policy: manually() });
    await add(tallies, 3);
    const [, , last] = store.log;
    const reports: RepositoryReport[] = [];
    store.put(
      KEY,
      serializeSnapshot({
        aggregate: "tally",
        version: 3,
        eventId: last?.id ?? "",
        stateVersion: 1,
        schemaVersion: 5,
        takenAt: 0,
        state: {},
      }),
    );

    const repository = createRepository(store, Versioned, {
      snapshots: { policy: manually() },
      onReport: (report) => void reports.push(report),
    });

    expect((await repository.load("a")).state.total).toBe(3);
    expect(misses(reports)).toEqual(["state-version"]);
  });

  it("writes the current schema version", async () => {
    const store = new FakeEventStore();
    const repository = createRepository(store, Versioned, { snapshots: { policy: everyNEvents(1) } });

    await repository.execute("a", { type: "Add", data: { amount: 1 } });

    expect(parseSnapshot(store.values.get(KEY)?.value ?? "")).toMatchObject({ schemaVersion: 4, stateVersion: 1 });
  });
});

describe("deleting snapshots", () => {
  it("deletes those of one aggregate and counts them", async () => {
    const { tallies, store } = setup({ policy: everyNEvents(1), keep: "all" });
    for (let count = 0; count < 3; count += 1) await add(tallies, 1, "a");
    await add(tallies, 1, "ab");

    expect(await tallies.deleteSnapshots("a")).toBe(4);
    expect(await tallies.deleteSnapshots("a")).toBe(0);

    expect([...store.values.keys()].sort()).toEqual(["snapshot-at:tally-ab:0000000000000001", "snapshot:tally-ab"]);
    expect((await tallies.load("a")).state.total).toBe(3);
  });

  it("leaves a stream alone whose id goes on where this one ends", async () => {
    const { tallies, store } = setup({ policy: everyNEvents(1), keep: "all" });
    await add(tallies, 1, "a:0000000000000001");
    await add(tallies, 1, "a");

    await tallies.deleteSnapshots("a");

    expect(store.values.size).toBe(2);
  });

  it("purges what this code cannot use, in its own category only", async () => {
    const { tallies, store } = setup({ policy: everyNEvents(1) });
    for (const id of ["a", "b", "c"]) await add(tallies, 1, id);
    const stored = store.values.get("snapshot:tally-a")?.value ?? "";
    store.put("snapshot:tally-b", stored.replace('"stateVersion":1', '"stateVersion":9'));
    store.put("snapshot:tally-c", "damaged");
    store.put("snapshot:other-x", "damaged");

    expect(await tallies.purgeSnapshots()).toBe(2);

    expect([...store.values.keys()].sort()).toEqual(["snapshot:other-x", "snapshot:tally-a"]);
  });
});

describe("the stored format", () => {
  const golden = new URL("./golden/snapshot-format-1.json", import.meta.url);

  it("is that of the golden file", async () => {
    const { tallies, store } = setup(
      { policy: everyNEvents(1) },
      { clock: () => 1_700_000_000_000, newId: () => "0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b" },
    );
    const tally = tallies.create("a");
    tally.execute({ type: "Open", data: { label: "Grüße" } });

    await tallies.save(tally);

    expect(store.values.get(KEY)?.value).toBe((await readFile(golden, "utf8")).trim());
  });

  it("of version 1 is read for ever", async () => {
    const { tallies, store } = setup({ policy: manually() }, { newId: () => "0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b" });
    const tally = tallies.create("a");
    tally.execute({ type: "Open", data: { label: "not the one of the snapshot" } });
    await tallies.save(tally);
    store.put(KEY, await readFile(golden, "utf8"));

    expect((await tallies.load("a")).state).toEqual({ label: "Grüße", total: 0, amounts: [] });
  });

  it("of version 2 is ignored and reported", async () => {
    const { tallies, store, reports } = setup({ policy: manually() });
    await add(tallies, 1);
    store.put(KEY, (await readFile(golden, "utf8")).replace('"format":1', '"format":2'));

    expect((await tallies.load("a")).state.total).toBe(1);
    expect(misses(reports)).toEqual(["unreadable"]);
  });
});

describe("the state version of a definition", () => {
  it.each([0, 1.5, Number.NaN])(
    "is refused when it is %s, because no snapshot could be compared with it",
    (stateVersion) => {
      class Odd extends Tally {
        override readonly definition = { ...tallyDefinition, stateVersion };
      }

      expect(() => createRepository(new FakeEventStore(), Odd)).toThrow(/stateVersion/);
    },
  );
});
