import type { ExpectedVersion } from "@es/core";
import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { idsOf, untyped, writeOf } from "../new-events.ts";
import { streamIds } from "../reading.ts";
import { expectRefusal } from "../refusal.ts";

/** A stream with this many events (none: it does not exist) meets this expectation, or not. */
interface Row {
  readonly id: string;
  readonly stored: number;
  readonly expected: ExpectedVersion;
  readonly isMet: boolean;
}

const ROWS: readonly Row[] = [
  { id: "no-stream-on-new", stored: 0, expected: "no-stream", isMet: true },
  { id: "no-stream-on-existing", stored: 3, expected: "no-stream", isMet: false },
  { id: "stream-exists-on-new", stored: 0, expected: "stream-exists", isMet: false },
  { id: "stream-exists-on-existing", stored: 3, expected: "stream-exists", isMet: true },
  { id: "any-on-new", stored: 0, expected: "any", isMet: true },
  { id: "any-on-existing", stored: 3, expected: "any", isMet: true },
  { id: "zero-on-new", stored: 0, expected: 0, isMet: true },
  { id: "zero-on-existing", stored: 3, expected: 0, isMet: false },
  { id: "one-on-new", stored: 0, expected: 1, isMet: false },
  { id: "number-equal", stored: 3, expected: 3, isMet: true },
  { id: "number-one-too-low", stored: 3, expected: 2, isMet: false },
  { id: "number-too-low", stored: 3, expected: 1, isMet: false },
  { id: "number-one-too-high", stored: 3, expected: 4, isMet: false },
  { id: "number-too-high", stored: 3, expected: 1_000_000, isMet: false },
  { id: "number-largest", stored: 3, expected: Number.MAX_SAFE_INTEGER, isMet: false },
];

function caseOf({ id, stored, expected, isMet }: Row): ConformanceCase {
  const stream = stored === 0 ? "a stream without events" : `a stream at version ${stored}`;
  const name = typeof expected === "number" ? `version ${expected}` : `"${expected}"`;
  return {
    id: `expected-version.${id}`,
    rule: `${name} on ${stream} is ${isMet ? "met" : "a conflict that says what was found"}`,
    async run({ store }) {
      await store.append(writeOf("other-1", "any", 5));
      const before = writeOf("a-1", "any", stored);
      if (stored > 0) await store.append(before);
      const write = writeOf("a-1", expected, 2);

      if (isMet) {
        const { versions, duplicate } = await store.append(write);
        expect({ versions, duplicate }).toStrictEqual({ versions: [stored + 2], duplicate: false });
      } else {
        const fields = { streamId: "a-1", expected, actual: stored, retryable: false };
        await expectRefusal(store.append(write), "ES_CONCURRENCY", fields);
      }

      const ids = isMet ? [...idsOf(before), ...idsOf(write)] : idsOf(before);
      expect(await streamIds(store, "a-1")).toStrictEqual(ids);
    },
  };
}

/** The four kinds of expectation, met and not met. */
export const expectedVersionCases: readonly ConformanceCase[] = [
  ...ROWS.map(caseOf),
  {
    id: "expected-version.refuses-nonsense",
    rule: "an expectation that is neither a whole number from 0 nor one of the three words is refused",
    async run({ store }) {
      for (const nonsense of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "latest", "", "1", null, true, {}]) {
        const write = { ...writeOf("a-1", "any"), expected: untyped<ExpectedVersion>(nonsense) };
        await expectRefusal(store.append(write), "ES_CONFIGURATION");
      }

      expect(await streamIds(store, "a-1")).toStrictEqual([]);
    },
  },
  {
    id: "expected-version.is-of-its-own-stream",
    rule: "events of other streams, also of the same category, do not count",
    async run({ store }) {
      await store.append(writeOf("a-1", "no-stream", 3));

      expect((await store.append(writeOf("a-2", "no-stream"))).versions).toStrictEqual([1]);
      expect((await store.append(writeOf("a-1", 3))).versions).toStrictEqual([4]);
      await expectRefusal(store.append(writeOf("a-2", 4)), "ES_CONCURRENCY", {
        streamId: "a-2",
        expected: 4,
        actual: 1,
      });
    },
  },
];
