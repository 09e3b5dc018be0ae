import type { EventStore } from "@es/core";
import { isEventSourcingError } from "@es/core";
import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { happened } from "../new-events.ts";
import { readLog } from "../reading.ts";
import { expectRefusal } from "../refusal.ts";

const CLIENTS = 16;
const COURSES = 3;
const CAPACITY = 5;
/** Each refusal is someone else's success, so there can be no more than places are taken. */
const MOST_ATTEMPTS = 10 * CAPACITY;

/** Enrols the student unless the course is full; reads and decides again when someone else was faster. */
async function enrol(store: EventStore<unknown>, student: number, course: number): Promise<"enrolled" | "full"> {
  const query = { types: ["Enrolled"], tags: [`course:${course}`] };
  const event = happened(student, { type: "Enrolled", tags: [`course:${course}`, `student:${student}`] });
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    let taken = 0;
    let after = "";
    for await (const page of store.readAll({ filter: query })) {
      taken += page.events.length;
      after = page.next;
    }
    if (taken >= CAPACITY) return "full";
    try {
      const streamId = `enrolment-${course}-${student}`;
      await store.append({ streamId, expected: "no-stream", events: [event] }, { if: { none: query, after } });
      return "enrolled";
    } catch (error) {
      if (!isEventSourcingError(error, "ES_CONDITION_FAILED")) throw error;
    }
  }
  return expect.fail(`lost ${MOST_ATTEMPTS} races in a row`);
}

async function countOf(store: EventStore<unknown>, course: number): Promise<number> {
  return (await readLog(store, { filter: { tags: [`course:${course}`] } })).length;
}

/** Races on one boundary that no stream marks. */
export const enrolmentCases: readonly ConformanceCase[] = [
  {
    id: "boundary.never-overbooked",
    rule: `${CLIENTS} clients that enrol in courses of ${CAPACITY} places fill each course and overbook none`,
    needs: "conditions",
    timeoutMs: 60_000,
    async run({ store, within }) {
      const attempts = Array.from({ length: COURSES }, (_, course) =>
        Array.from({ length: CLIENTS }, (_unused, student) => enrol(store, student, course)),
      ).flat();

      const outcomes = await within(Promise.all(attempts), "all clients");

      expect(outcomes.filter((outcome) => outcome === "enrolled")).toHaveLength(COURSES * CAPACITY);
      for (let course = 0; course < COURSES; course += 1) expect(await countOf(store, course)).toBe(CAPACITY);
    },
  },
  {
    id: "boundary.one-winner",
    rule: `of ${CLIENTS} appends with one boundary, exactly one is stored, each time`,
    needs: "conditions",
    timeoutMs: 30_000,
    async run({ store, within }) {
      for (let round = 0; round < 5; round += 1) {
        const condition = { none: { tags: [`seat:${round}`] }, after: await store.head() };
        const appends = Array.from({ length: CLIENTS }, (_, client) => {
          const events = [happened(client, { tags: [`seat:${round}`, `client:${client}`] })];
          return store.append({ streamId: `seat-${round}-${client}`, expected: "any", events }, { if: condition });
        });

        const outcomes = await within(Promise.allSettled(appends), `${CLIENTS} clients`);

        for (const outcome of outcomes) {
          if (outcome.status === "fulfilled") continue;
          await expectRefusal(Promise.reject(outcome.reason), "ES_CONDITION_FAILED", { condition });
        }
        expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
        expect(await readLog(store, { filter: { tags: [`seat:${round}`] } })).toHaveLength(1);
      }
    },
  },
  {
    id: "boundary.overlapping",
    rule: "of appends whose boundaries overlap in one tag, one is stored; which query names the tag does not matter",
    needs: "conditions",
    async run({ store, within }) {
      const after = await store.head();
      const queries = [
        { tags: ["room:1"] },
        { types: ["Booked"] },
        { categories: ["booking"] },
        { types: ["Booked"], tags: ["room:1"] },
      ];
      const appends = queries.map((none, index) => {
        const events = [happened(index, { type: "Booked", tags: ["room:1"] })];
        return store.append({ streamId: `booking-${index}`, expected: "any", events }, { if: { none, after } });
      });

      const outcomes = await within(Promise.allSettled(appends), "overlapping appends");

      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(await readLog(store)).toHaveLength(1);
    },
  },
  {
    id: "boundary.disjoint",
    rule: `${CLIENTS} appends whose boundaries do not touch are all stored`,
    needs: "conditions",
    async run({ store, within }) {
      const after = await store.head();
      const appends = Array.from({ length: CLIENTS }, (_, n) => {
        const events = [happened(n, { tags: [`seat:${n}`] })];
        return store.append(
          { streamId: `seat-${n}`, expected: "any", events },
          { if: { none: { tags: [`seat:${n}`] }, after } },
        );
      });

      await within(Promise.all(appends), "disjoint appends");

      expect(await readLog(store)).toHaveLength(CLIENTS);
    },
  },
];
