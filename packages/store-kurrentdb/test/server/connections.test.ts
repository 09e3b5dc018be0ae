import { setTimeout as sleep } from "node:timers/promises";
import { type EventStore, isEventSourcingError } from "@es/core";
import { Child, readLog } from "test-helpers";
import type { TcpProxy } from "test-servers";
import { describe, expect, it } from "vitest";
import { openKurrentDbEventStore } from "../../src/index.ts";
import type { Said } from "../child/write.ts";
import { survive } from "../survive.ts";
import { startProxied } from "./proxied.ts";
import { serversUnderTest } from "./under-test.ts";

const LIMIT_MS = 120_000;

/** Bytes after which a connection is cut: in the middle of requests, and of answers. */
const CUTS = [1, 300, 2_000, 9_000, 40_000];

async function cutInTheMiddle(proxy: TcpProxy, bytes: number): Promise<void> {
  await Promise.all([proxy.cutAfterBytes(bytes, "to-server"), proxy.cutAfterBytes(bytes, "to-client")]);
}

describe.each(await serversUnderTest(["24.10", "26.2"]))("under load, connections to $label", (server) => {
  it(
    "that are all cut, several times, lose, double and reorder nothing",
    async () => {
      await using proxied = await startProxied(server);
      await survive(proxied.options, async (load) => {
        for (let round = 0; round < 8; round += 1) {
          proxied.proxy.cutAll();
          await load.progress(40);
        }
      });
    },
    LIMIT_MS,
  );

  it(
    "that are cut within requests and answers lose, double and reorder nothing",
    async () => {
      await using proxied = await startProxied(server);
      await survive(proxied.options, async (load) => {
        for (const bytes of [...CUTS, ...CUTS]) {
          const cut = cutInTheMiddle(proxied.proxy, bytes);
          await load.progress(40);
          await cut;
        }
      });
    },
    LIMIT_MS,
  );

  it(
    "that carry nothing for a while, shorter and longer than the time limit, lose nothing",
    async () => {
      await using proxied = await startProxied(server);
      const { proxy } = proxied;
      await survive({ ...proxied.options, timeoutMs: 1_500 }, async (load) => {
        for (const ms of [300, 2_500]) {
          proxy.pause();
          await sleep(ms);
          proxy.resume();
          await load.progress(40);
        }
        proxy.cutAll();
      });
    },
    LIMIT_MS,
  );

  it(
    "of several processes, one of which is killed, leave what each was told",
    async () => {
      await using proxied = await startProxied(server);
      const { options, direct, proxy } = proxied;
      const start = (seed: number) =>
        new Child<Said>(new URL("../child/write.ts", import.meta.url), {
          options: { timeoutMs: 3_000, ...options },
          seed,
        });
      await using doomed = start(0);
      await using second = start(1);
      await using third = start(2);
      const children = [doomed, second, third];
      await Promise.all(children.map((child) => child.said(isStored, 20)));

      for (const [round, bytes] of CUTS.entries()) {
        const counts = children.map(({ lines }) => lines.filter(isStored).length);
        if (round % 2 === 0) proxy.cutAll();
        else await cutInTheMiddle(proxy, bytes);
        if (round === 2) await doomed.kill();
        const alive = children.filter((child) => round < 2 || child !== doomed);
        await Promise.all(alive.map((child) => child.said(isStored, (counts[children.indexOf(child)] ?? 0) + 15)));
      }
      expect([await second.stop(), await third.stop()]).toStrictEqual(["0", "0"]);

      await using store = await openKurrentDbEventStore(direct);
      await reconcile(
        store,
        children.flatMap(({ lines }) => lines),
      );
    },
    LIMIT_MS,
  );

  it(
    "that are cut while 8 writers count in a register: none is lost, none counted twice",
    async () => {
      await using proxied = await startProxied(server);
      await using store = await openKurrentDbEventStore({ ...proxied.options, timeoutMs: 3_000 });
      const { registers } = store;
      let counted = 0;
      let unknown = 0;
      let isStopped = false;
      const count = async (): Promise<void> => {
        while (!isStopped) {
          try {
            const now = await registers.get("counter");
            const next = String(Number(now?.value ?? 0) + 1);
            if ((await registers.set("counter", next, { expected: now?.revision ?? 0 })) !== undefined) counted += 1;
          } catch (error) {
            if (isEventSourcingError(error, "ES_UNKNOWN_OUTCOME")) unknown += 1;
          }
        }
      };
      const running = Array.from({ length: 8 }, count);
      for (const bytes of CUTS) {
        const target = counted + 10;
        const cut = cutInTheMiddle(proxied.proxy, bytes);
        await expect.poll(() => counted, { timeout: 20_000 }).toBeGreaterThan(target);
        await cut;
      }
      isStopped = true;
      await Promise.all(running);

      const value = Number((await registers.get("counter"))?.value);
      expect(value).toBeGreaterThanOrEqual(counted);
      expect(value).toBeLessThanOrEqual(counted + unknown);
    },
    LIMIT_MS,
  );
});

function isStored({ what }: Said): boolean {
  return what === "stored";
}

/** Compares what processes said of their appends with what is stored. */
async function reconcile(store: EventStore, lines: readonly Said[]): Promise<void> {
  const log = await readLog(store);
  const stored = new Map(log.map((event) => [event.id, event]));
  expect(stored.size, "no event is stored twice").toBe(log.length);
  const versions = new Map<string, number>();
  for (const { streamId, version } of log) {
    expect(version, `order of ${streamId}`).toBe((versions.get(streamId) ?? 0) + 1);
    versions.set(streamId, version);
  }
  for (const { ids, streamId, version = 0 } of lines.filter(isStored)) {
    const found = ids.map((id) => stored.get(id)).map((event) => [event?.streamId, event?.version]);
    expect(found, "what was acknowledged is stored where it was said").toStrictEqual(
      ids.map((_, index) => [streamId, version - ids.length + 1 + index]),
    );
  }
  for (const { ids } of lines.filter(({ what }) => what === "refused")) {
    expect(
      ids.filter((id) => stored.has(id)),
      "what was refused is not stored",
    ).toStrictEqual([]);
  }
  // Also of those appends whose end was not said, since their process was killed.
  const begun = lines.filter(({ what }) => what === "begun");
  for (const { ids } of begun) {
    const found = ids.filter((id) => stored.has(id)).length;
    expect([0, ids.length], "an append is stored whole").toContain(found);
  }
  const known = new Set(begun.flatMap(({ ids }) => ids));
  expect(
    log.filter(({ id }) => !known.has(id)),
    "nothing else is stored",
  ).toStrictEqual([]);
}
