import type { EventStore } from "@es/core";
import { Child } from "test-helpers";
import { describe, expect, it } from "vitest";
import { deposit, foldBalances } from "./child/balances.ts";
import type { ChildReport } from "./child/report.ts";
import type { Place, Share } from "./child/share.ts";

/** Events and a read model that several processes share. */
export interface OpenedPlace extends AsyncDisposable {
  readonly place: Place;
  readonly store: EventStore<unknown>;
  /** What the read model holds. */
  read(): Promise<Readonly<Record<string, string>>>;
}

/** A process that runs its share of a projection. */
function startShare(share: Share): Child<ChildReport> {
  return new Child(new URL("./child/share.ts", import.meta.url), share);
}

/** Whether a report says that everything up to a position was handled. */
function hasReached(position: string): (report: ChildReport) => boolean {
  return (report) => report.kind === "progress" && report.position === position;
}

/** Registers what must hold when real processes share a projection, and are paused, stopped and killed. */
export function describeProcesses(name: string, open: () => Promise<OpenedPlace>): void {
  describe(`processes that share a projection over ${name}`, () => {
    it("let nothing of a paused holder take effect when it wakes up after another one has taken over", {
      timeout: 60_000,
    }, async () => {
      await using opened = await open();
      const { place, store } = opened;
      await deposit(store, 100);
      const share = { place, partitions: 1, leaseMs: 600 };
      await using paused = startShare({ ...share, pauseAt: 3 });
      await paused.said(({ kind }) => kind === "pausing");

      await using other = startShare(share);
      const head = await deposit(store, 50);
      await other.said(hasReached(head));
      const before = await opened.read();
      paused.signal("SIGCONT");
      await paused.said(({ kind, code }) => kind === "failed" && code === "ES_CHECKPOINT_CONFLICT");

      expect(paused.lines.map(({ kind }) => kind)).toContain("woken");
      expect(await opened.read()).toStrictEqual(before);
      const end = await deposit(store, 10);
      await other.said(hasReached(end));
      expect(await Promise.all([paused.stop(), other.stop()])).toStrictEqual(["0", "0"]);
      expect(await opened.read()).toStrictEqual(await foldBalances(store));
    });

    it("hand over at once when one stops, and after the lease when it is killed", { timeout: 60_000 }, async () => {
      await using opened = await open();
      const { place, store } = opened;
      const share = { place, partitions: 1, leaseMs: 3_600_000 };
      const first = await deposit(store, 30);
      await using stopping = startShare(share);
      await stopping.said(hasReached(first));
      await using next = startShare({ ...share, leaseMs: 600 });
      await stopping.stop();
      await next.said(({ kind, position }) => kind === "started" && position === first);

      await next.kill();
      await using last = startShare({ ...share, leaseMs: 600 });
      const head = await deposit(store, 30);
      await last.said(hasReached(head));
      await last.stop();

      expect(await opened.read()).toStrictEqual(await foldBalances(store));
    });

    it("keep the read model equal to a fold of the log while they are killed again and again", {
      timeout: 120_000,
    }, async () => {
      await using opened = await open();
      const { place, store } = opened;
      const share = { place, partitions: 4, leaseMs: 800 };
      let children = [startShare(share), startShare(share)];

      for (let round = 0; round < 4; round += 1) {
        const [victim, survivor] = children;
        if (victim === undefined || survivor === undefined) break;
        await deposit(store, 60);
        // Something was handled since the last kill, by whomever.
        await Promise.race([victim, survivor].map((child) => child.said(({ kind }) => kind === "progress")));
        await victim.kill();
        survivor.lines.length = 0;
        children = [survivor, startShare(share)];
      }
      const head = await deposit(store, 7);
      await using reader = startShare(share);
      await Promise.all(children.map((child) => child.kill()));
      // Four partitions, each of which says so.
      await reader.said(hasReached(head), 4);
      await reader.stop();

      expect(await opened.read()).toStrictEqual(await foldBalances(store));
    });
  });
}
