import type { Registers } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import { describe, expect, it } from "vitest";
import {
  type CheckpointedSink,
  createProjectionRunner,
  createSharedRunner,
  defineProjection,
  dropProjection,
  liveProjection,
  rebuildProjection,
  resetProjection,
} from "../src/index.ts";
import { accountEvents, deposit } from "./accounts.ts";
import { notingVersion, openVersionedPlace, type VersionDatabase, type VersionedPlace } from "./versions.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** The first version, live and up to date, with its runner stopped. */
async function withFirstVersion(...amounts: readonly number[]): Promise<VersionedPlace> {
  const place = await openVersionedPlace();
  await rebuildProjection(place.version(1), place.rebuild(1));
  await using runner = createProjectionRunner(place.version(1), place);
  await runner.start();
  await runner.waitFor(await deposit(place.store, "a-1", ...amounts));
  return place;
}

describe("a rebuild", () => {
  it("builds the new version beside the old one, takes its place, and goes on behind it", async () => {
    await using place = await withFirstVersion(1, 2, 4);
    const old = createProjectionRunner(place.version(1), place);
    await old.start();

    const rebuilt = await rebuildProjection(place.version(10), place.rebuild(10));
    const position = await deposit(place.store, "a-1", 8);
    await expect(old.done).rejects.toMatchObject({ code: "ES_PROJECTION_REPLACED", replacedBy: "balances-v10" });
    await using runner = createProjectionRunner(place.version(10), place);
    await runner.start();
    await runner.waitFor(position);

    expect(rebuilt).toMatchObject({ isSwitched: true, replaced: "balances-v1" });
    expect(place.read()).toStrictEqual({ events: 4, total: 150 });
    expect(await liveProjection(place.sink.registers, "balances")).toBe("balances-v10");
    expect(place.effects).toStrictEqual(["v1:1", "v1:2", "v1:4", "v10:8"]);
  });

  it("of what is live already does nothing, so it can be called at every start", async () => {
    await using place = await withFirstVersion(1);

    const again = await rebuildProjection(place.version(1), place.rebuild(1));

    expect(again).toStrictEqual({ isSwitched: false, replaced: undefined, position: await place.store.head() });
    expect(place.read()).toStrictEqual({ events: 1, total: 1 });
  });

  it("takes the place of a projection that was never rebuilt, when it is named", async () => {
    await using place = await openVersionedPlace();
    await place.sink.transaction(async (tx) => {
      await place.rebuild(1).prepare?.(tx);
    });
    await using first = createProjectionRunner(place.version(1), place);
    await first.start();
    await first.waitFor(await deposit(place.store, "a-1", 1, 2));
    await first.stop();
    await deposit(place.store, "a-1", 4);

    const rebuilt = await rebuildProjection(place.version(2), { ...place.rebuild(2), replaces: "balances-v1" });

    // No further than the old one had come: the rest is for the runner, with its side effects.
    expect(rebuilt.replaced).toBe("balances-v1");
    expect(place.read()).toStrictEqual({ events: 2, total: 6 });
    await using runner = createProjectionRunner(place.version(2), place);
    await runner.start();
    await runner.waitFor(await place.store.head());
    expect(place.effects).toStrictEqual(["v1:1", "v1:2", "v2:4"]);
  });

  it("goes back to the old version, which catches up without side effects", async () => {
    await using place = await withFirstVersion(1);
    await rebuildProjection(place.version(2), place.rebuild(2));
    await using second = createProjectionRunner(place.version(2), place);
    await second.start();
    await second.waitFor(await deposit(place.store, "a-1", 2));

    await rebuildProjection(place.version(1), place.rebuild(1));
    await using first = createProjectionRunner(place.version(1), place);
    await first.start();
    await first.waitFor(await deposit(place.store, "a-1", 4));

    expect(place.read()).toStrictEqual({ events: 3, total: 7 });
    expect(place.effects).toStrictEqual(["v1:1", "v2:2", "v1:4"]);
    await expect(second.done).rejects.toMatchObject({ code: "ES_PROJECTION_REPLACED" });
  });

  it("never shows readers half of it, nor less than before, while events come and the old version runs", async () => {
    await using place = await withFirstVersion(...Array.from({ length: 300 }, () => 1));
    const old = createProjectionRunner(place.version(1), { ...place, pageSize: 5 });
    await old.start();
    let isOver = false;
    const seen: string[] = [];
    let newest = 0;
    const reading = (async () => {
      while (!isOver) {
        const { events = 0, total = 0 } = place.read() ?? {};
        seen.push(total === events ? "old" : total === 3 * events ? "new" : `half: ${total} of ${events}`);
        expect(events).toBeGreaterThanOrEqual(newest);
        newest = events;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const writing = (async () => {
      for (let n = 0; !isOver; n += 1) {
        await deposit(place.store, `a-${n % 7}`, 1);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();

    await rebuildProjection(place.version(3), { ...place.rebuild(3), pageSize: 20 });
    await using runner = createProjectionRunner(place.version(3), place);
    await runner.start();
    await runner.waitFor(await place.store.head());
    while (seen.at(-1) === "old") await new Promise((resolve) => setImmediate(resolve));
    isOver = true;
    await Promise.all([reading, writing]);
    await runner.waitFor(await place.store.head());

    expect([...new Set(seen)]).toStrictEqual(["old", "new"]);
    const { events, total } = place.read() ?? {};
    expect(total).toBe(3 * (events ?? 0));
    // Each event has had its side effect from one version, and from that version only.
    expect(place.effects).toHaveLength(events ?? 0);
  });

  it("stops at an event that fails, shows nothing of it, and goes on after the fix", async () => {
    await using place = await withFirstVersion(1, 2, 4);
    const failing = place.version(2, (amount) => {
      if (amount === 2) throw new Error("no");
    });

    const run = rebuildProjection(failing, { ...place.rebuild(2), retry: { maxAttempts: 1 } });

    await expect(run).rejects.toMatchObject({ code: "ES_HANDLER_FAILED", event: { version: 2 } });
    expect(place.read()).toStrictEqual({ events: 3, total: 7 });
    const started = createProjectionRunner(place.version(2), place).start();
    await expect(started).rejects.toThrow(/is being rebuilt/);
    await rebuildProjection(place.version(2), place.rebuild(2));
    expect(place.read()).toStrictEqual({ events: 3, total: 14 });
  });

  it("ends with its signal, and goes on where it was", async () => {
    await using place = await withFirstVersion(1, 2, 4);
    const controller = new AbortController();
    const handled: number[] = [];
    const stopping = place.version(2, (amount) => {
      handled.push(amount);
      if (amount === 2) controller.abort();
    });

    const run = rebuildProjection(stopping, { ...place.rebuild(2), pageSize: 1, signal: controller.signal });

    await expect(run).rejects.toMatchObject({ code: "ES_ABORTED" });
    const note = (amount: number): void => void handled.push(amount);
    await rebuildProjection(place.version(2, note), place.rebuild(2));
    expect(handled).toStrictEqual([1, 2, 4]);
  });
});

/** A sink that dies at its n-th call, in front of it or behind it. It counts on. */
function dyingSink(inner: CheckpointedSink<VersionDatabase>, dieAt: number, isBehind: boolean) {
  let calls = 0;
  const once = async <Result>(call: () => Promise<Result>): Promise<Result> => {
    calls += 1;
    const isLast = calls === dieAt;
    if (isLast && !isBehind) throw new Error("killed");
    const result = await call();
    if (isLast) throw new Error("killed");
    return result;
  };
  const registers: Registers<VersionDatabase> = {
    get: (key, call) => inner.registers.get(key, call),
    set: (key, value, call) => once(() => inner.registers.set(key, value, call)),
    delete: (key, call) => once(() => inner.registers.delete(key, call)),
    keys: (prefix, call) => inner.registers.keys(prefix, call),
  };
  const sink: CheckpointedSink<VersionDatabase> = {
    registers,
    transaction: (work, options) => once(() => inner.transaction(work, options)),
  };
  return { sink, hasDied: () => calls >= dieAt };
}

describe.each([false, true])("a rebuild that is killed in the middle (behind the write: %s)", (isBehind) => {
  it("leaves readers with a whole version, and the next one completes it", async () => {
    let dieAt = 0;
    for (let isComplete = false; !isComplete; ) {
      dieAt += 1;
      await using place = await withFirstVersion(1, 2, 4);
      const dying = dyingSink(place.sink, dieAt, isBehind);
      const options = { ...place.rebuild(2), sink: dying.sink, pageSize: 2 };

      await rebuildProjection(place.version(2), options).catch(() => undefined);
      expect([7, 14]).toContain(place.read()?.total);
      await rebuildProjection(place.version(2), place.rebuild(2));

      expect(place.read()).toStrictEqual({ events: 3, total: 14 });
      await using runner = createProjectionRunner(place.version(2), place);
      await runner.start();
      await runner.waitFor(await deposit(place.store, "a-1", 8));
      expect(place.read()).toStrictEqual({ events: 4, total: 30 });
      expect(place.effects).toStrictEqual(["v1:1", "v1:2", "v1:4", "v2:8"]);
      isComplete = !dying.hasDied();
    }
    expect(dieAt).toBeGreaterThan(8);
  });
});

describe("a rebuild without transactions", () => {
  it("switches readers that ask which projection is live, wherever it is killed", async () => {
    let dieAt = 0;
    for (let isComplete = false; !isComplete; ) {
      dieAt += 1;
      await using store = createMemoryEventStore();
      const effects: string[] = [];
      const version = (number: number) => notingVersion(number, effects);
      await using old = createProjectionRunner(version(1), { store });
      await old.start();
      await old.waitFor(await deposit(store, "a-1", 1, 2));
      let calls = 0;
      const checkpoints: Registers<unknown> = {
        get: (key) => store.registers.get(key),
        delete: (key) => store.registers.delete(key),
        keys: (prefix) => store.registers.keys(prefix),
        set: async (key, value, call) => {
          calls += 1;
          if (calls === dieAt) throw new Error("killed");
          return store.registers.set(key, value, call?.expected === undefined ? {} : { expected: call.expected });
        },
      };
      const options = { readModel: "sums", store, replaces: "v1" };

      await rebuildProjection(version(2), { ...options, checkpoints }).catch(() => undefined);
      await rebuildProjection(version(2), options);
      await using runner = createProjectionRunner(version(2), { store });
      await runner.start();
      await runner.waitFor(await deposit(store, "a-1", 4));

      expect(await liveProjection(store.registers, "sums")).toBe("v2");
      await expect(old.done).rejects.toMatchObject({ code: "ES_PROJECTION_REPLACED" });
      expect(effects.filter((effect) => effect.startsWith("v2"))).toStrictEqual(["v2:4"]);
      isComplete = calls < dieAt;
    }
    expect(dieAt).toBeGreaterThan(5);
  });
});

describe("a version that was replaced", () => {
  it("cannot be run, and stays until it is dropped with its table", async () => {
    await using place = await withFirstVersion(1);
    await rebuildProjection(place.version(2), place.rebuild(2));

    const started = createProjectionRunner(place.version(1), place).start();
    await expect(started).rejects.toMatchObject({ code: "ES_PROJECTION_REPLACED", replacedBy: "balances-v2" });
    const shared = createSharedRunner(place.version(1), place);
    shared.start();
    await expect(shared.done).rejects.toMatchObject({ code: "ES_PROJECTION_REPLACED" });
    expect(place.tables()).toStrictEqual(["balances_v1", "balances_v2"]);
    await expect(dropProjection(place.sink, "balances-v2")).rejects.toThrow(/readers of "balances" see/);
    const remove = (tx: VersionDatabase): void => void tx.exec("DROP TABLE balances_v1");
    expect(await dropProjection(place.sink, "balances-v1", { remove })).toBe(true);

    expect(place.tables()).toStrictEqual(["balances_v2"]);
    expect(await place.sink.registers.get("checkpoint:balances-v1")).toBeUndefined();
  });

  it("stays with its table when that cannot be removed", async () => {
    await using place = await withFirstVersion(1);
    await rebuildProjection(place.version(2), place.rebuild(2));
    const remove = (tx: VersionDatabase): void => void tx.exec("DROP TABLE no_such_table");

    await expect(dropProjection(place.sink, "balances-v1", { remove })).rejects.toThrow(/no_such_table/);

    expect(await place.sink.registers.get("checkpoint:balances-v1")).toBeDefined();
  });
});

describe("a rebuild refuses", () => {
  it("to replace itself, another than the live one, or one that is not there", async () => {
    await using place = await withFirstVersion(1);
    const rebuild = (replaces: string, number: number): Promise<unknown> =>
      rebuildProjection(place.version(number), { ...place.rebuild(number), replaces });

    await expect(rebuild("balances-v2", 2)).rejects.toThrow(/is that of projection "balances-v1"/);
    const other = { ...place.rebuild(3), readModel: "other" };
    await expect(rebuildProjection(place.version(3), { ...other, replaces: "nobody" })).rejects.toThrow(
      /no checkpoint/,
    );
    await expect(rebuildProjection(place.version(3), { ...other, replaces: "balances-v3" })).rejects.toThrow(/itself/);
  });

  it("a checkpoint that is not of a rebuild, and a projection in several partitions", async () => {
    await using store = createMemoryEventStore();
    await deposit(store, "a-1", 1);
    const named = (name: string) => defineProjection({ name, events: accountEvents, batch: () => undefined });
    await using plain = createProjectionRunner(named("plain"), { store });
    await plain.start();
    await using split = createSharedRunner(named("split"), { store, partitions: 2 });
    split.start();
    while (split.status().some(({ runner }) => runner?.state !== "live")) {
      await new Promise((resolve) => setImmediate(resolve));
    }

    await expect(rebuildProjection(named("plain"), { store, readModel: "a" })).rejects.toThrow(/not of a rebuild/);
    await expect(rebuildProjection(named("split"), { store, readModel: "a" })).rejects.toThrow(
      /checkpoint of 2 partitions/,
    );
    const replacing = rebuildProjection(named("new"), { store, readModel: "a", replaces: "split" });
    await expect(replacing).rejects.toThrow(/partitions/);
  });

  it("a store that is not the one that the old version has read", async () => {
    await using place = await withFirstVersion(1);
    await using other = createMemoryEventStore();

    const run = rebuildProjection(place.version(2), { ...place.rebuild(2), store: other });

    await expect(run).rejects.toMatchObject({ code: "ES_CHECKPOINT_MISMATCH", reason: "foreign-store" });
  });
});

describe("a reset", () => {
  it("gives the same read model again, and side effects only for what is new", async () => {
    await using place = await withFirstVersion(1, 2, 4);
    await deposit(place.store, "a-1", 8);
    const clear = (tx: VersionDatabase): void => void tx.exec("DELETE FROM balances_v1");

    expect(await resetProjection(place.sink, "balances-v1", { clear })).toBe(true);
    expect(place.read()).toStrictEqual({ events: 0, total: 0 });
    expect(await resetProjection(place.sink, "balances-v1", { clear })).toBe(false);
    // All four events are in one page, which is split where the old ones end.
    await using runner = createProjectionRunner(place.version(1), { ...place, clock: new VirtualClock(5_000) });
    await runner.start();
    await runner.waitFor(await place.store.head(), { timeoutMs: 100_000 });

    expect(place.read()).toStrictEqual({ events: 4, total: 15 });
    expect(place.effects).toStrictEqual(["v1:1", "v1:2", "v1:4", "v1:8"]);
  });

  it("that fails leaves both the checkpoint and the read model", async () => {
    await using place = await withFirstVersion(1);
    const clear = (tx: VersionDatabase): void => {
      tx.exec("DELETE FROM balances_v1");
      throw new Error("no");
    };

    await expect(resetProjection(place.sink, "balances-v1", { clear })).rejects.toThrow("no");

    expect(place.read()).toStrictEqual({ events: 1, total: 1 });
    expect(await place.sink.registers.get("checkpoint:balances-v1")).toBeDefined();
  });

  it("of a projection of another store counts nothing as handled before", async () => {
    await using place = await withFirstVersion(1, 2);
    await using restored = createMemoryEventStore();
    const position = await deposit(restored, "a-1", 1, 2, 4);
    const clear = (tx: VersionDatabase): void => void tx.exec("DELETE FROM balances_v1");
    await resetProjection(place.sink, "balances-v1", { clear });

    await using runner = createProjectionRunner(place.version(1), { ...place, store: restored });
    await runner.start();
    await runner.waitFor(position);

    expect(place.effects).toStrictEqual(["v1:1", "v1:2", "v1:1", "v1:2", "v1:4"]);
  });
});
