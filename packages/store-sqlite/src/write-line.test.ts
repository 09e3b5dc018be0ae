import { expect, it } from "vitest";
import { BYTES_PER_GROUP, EVENTS_PER_GROUP } from "./limits.ts";
import { WriteLine } from "./write-line.ts";
import type { PendingTransaction, PendingWrite } from "./write-task.ts";

const nothing = (): void => undefined;

function write(more: Partial<PendingWrite> = {}): PendingWrite {
  const still = {
    isProof: () => false,
    run: nothing,
    runBare: () => false,
    isStored: () => false,
    settle: nothing,
    fail: nothing,
  };
  return { events: 1, bytes: 1, deadline: 0, isAlone: false, ...still, ...more };
}

function transaction(): PendingTransaction {
  return { deadline: 0, start: nothing, fail: nothing };
}

function lineOf(...entries: (PendingWrite | PendingTransaction)[]): WriteLine {
  const line = new WriteLine();
  for (const entry of entries) line.push(entry);
  return line;
}

it("takes writes in groups and transactions by themselves, in the order they came", () => {
  const [a, b, c] = [write(), write(), write()];
  const tx = transaction();
  const line = lineOf(a, b, tx, c);

  expect([line.take(), line.take(), line.take(), line.take()]).toStrictEqual([[a, b], tx, [c], []]);
});

it("bounds a group by events and by bytes, but never splits or refuses a write", () => {
  const large = write({ events: EVENTS_PER_GROUP * 2 });
  const heavy = write({ bytes: BYTES_PER_GROUP });
  const small = write();
  const line = lineOf(large, small, heavy, small);

  expect([line.take(), line.take(), line.take()]).toStrictEqual([[large], [small], [heavy]]);
  expect(line.length).toBe(1);
});

it("takes a write that must be alone alone", () => {
  const [a, b, c] = [write(), write({ isAlone: true }), write()];
  const line = lineOf(a, b, c);

  expect([line.take(), line.take(), line.take()]).toStrictEqual([[a], [b], [c]]);
});

it("puts a group back to the front", () => {
  const [a, b, c] = [write(), write(), write()];
  const line = lineOf(c);

  line.putBack([a, b]);

  expect(line.take()).toStrictEqual([a, b, c]);
});

it("lets the expired go and keeps the others", () => {
  const [early, late] = [write({ deadline: 10 }), write({ deadline: 20 })];
  const line = lineOf(early, late);

  expect(line.nextDeadline).toBe(10);
  expect(line.takeExpired(15)).toStrictEqual([early]);
  expect(line.remove(early)).toBe(false);
  expect(line.remove(late)).toBe(true);
  expect(line.length).toBe(0);
});
