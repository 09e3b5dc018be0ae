import { expect, it } from "vitest";
import type { Intent, Outcome } from "../src/journal.ts";
import { unsettled } from "../src/journal.ts";
import { type Evidence, reconcile } from "../src/reconcile.ts";

const log: Evidence["log"] = [
  { id: "1", streamId: "a-1", version: 1, position: "01" },
  { id: "2", streamId: "a-1", version: 2, position: "02" },
  { id: "3", streamId: "b-1", version: 1, position: "03" },
  { id: "4", streamId: "b-1", version: 2, position: "04" },
];
const torn: Evidence["log"] = [
  { id: "1", streamId: "a-1", version: 1, position: "01" },
  { id: "2", streamId: "a-1", version: 2, position: "02" },
  { id: "4", streamId: "b-1", version: 1, position: "03" },
  { id: "3", streamId: "b-1", version: 2, position: "04" },
];
const two: Intent = {
  kind: "intent",
  op: "two",
  lane: 0,
  writes: [
    { streamId: "a-1", expected: 1, ids: ["2"] },
    { streamId: "b-1", expected: 0, ids: ["3"] },
  ],
};
const intentOf = (op: string, id: string): Intent => ({
  kind: "intent",
  op,
  lane: 0,
  writes: [{ streamId: "a-1", expected: "any", ids: [id] }],
});
const answer = (op: string, versions: readonly number[], position: string): Outcome => ({
  kind: "acknowledged",
  op,
  versions,
  position,
  duplicate: false,
  isRetry: false,
});
const journal = [
  intentOf("one", "1"),
  answer("one", [1], "01"),
  two,
  answer("two", [2, 1], "03"),
  { ...intentOf("three", "4"), writes: [{ streamId: "b-1", expected: "any", ids: ["4"] }] } as const,
  intentOf("never", "9"),
  { kind: "refused", op: "never", code: "ES_CONCURRENCY" } as const,
];
const sound: Evidence = {
  log,
  journals: [journal],
  seen: [
    [
      { ids: ["1", "2"], next: "02" },
      { ids: ["3"], next: "03" },
    ],
    [],
  ],
  integrity: "ok",
};

it("finds nothing wrong where everything fits, unanswered appends included", () => {
  expect(reconcile(sound)).toStrictEqual([]);
  expect(unsettled(journal).map(({ op }) => op)).toStrictEqual(["three"]);
});

it.each<[string, Partial<Evidence>, RegExp]>([
  ["an acknowledged event is lost", { log: log.slice(1) }, /acknowledged and event 1 is lost/],
  [
    "an event is stored twice",
    { log: [...log, { id: "4", streamId: "b-1", version: 3, position: "05" }] },
    /stored twice/,
  ],
  ["half of an append is stored", { log: log.filter(({ id }) => id !== "3") }, /two is stored in part: 1 of 2/],
  [
    "an append is torn",
    {
      log: torn,
    },
    /two is torn/,
  ],
  [
    "a version is left out",
    { log: log.map((event) => (event.id === "4" ? { ...event, version: 3 } : event)) },
    /version 3 where 2/,
  ],
  [
    "an event stands elsewhere than acknowledged",
    { log: log.map((event) => (event.id === "1" ? { ...event, streamId: "c-1" } : event)) },
    /stands at c-1@1/,
  ],
  [
    "a position is not the acknowledged one",
    { log: log.map((event) => ({ ...event, position: `1${event.position}` })) },
    /was acknowledged at 03 and stands at 103/,
  ],
  [
    "positions do not rise",
    { log: log.map((event) => (event.id === "4" ? { ...event, position: "02" } : event)) },
    /position 02 follows 03/,
  ],
  [
    "a refused append is stored",
    { journals: [[...journal, { kind: "refused", op: "three", code: "ES_CONCURRENCY" }]] },
    /three was refused .* and is stored/,
  ],
  ["an event comes from nowhere", { journals: [journal.slice(0, 4)] }, /event 4 is stored and nobody appended it/],
  [
    "a lane goes backwards",
    { journals: [[...journal, intentOf("late", "1"), answer("late", [1], "01")]] },
    /late stands before/,
  ],
  ["an outcome has no intent", { journals: [[...journal, answer("ghost", [1], "09")]] }, /without an intent/],
  ["a live reader missed an event", { seen: [[{ ids: ["1", "3"], next: "03" }]] }, /saw 3 as event 2, the log has 2/],
  [
    "a live reader saw an event twice",
    {
      seen: [
        [
          { ids: ["1"], next: "01" },
          { ids: ["1", "2"], next: "02" },
        ],
      ],
    },
    /saw 1 as event 2/,
  ],
  [
    "a live reader saw what is not stored",
    { seen: [[{ ids: ["1", "2", "3", "4", "5"], next: "05" }]] },
    /the log has nothing/,
  ],
  ["SQLite finds damage", { integrity: "row 7 missing from index" }, /row 7 missing/],
])("finds it when %s", (_what, falsified, message) => {
  expect(reconcile({ ...sound, ...falsified }).join("\n")).toMatch(message);
});
