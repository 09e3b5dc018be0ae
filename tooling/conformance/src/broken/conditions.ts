import { ConditionFailedError, type EventFilter, type EventQuery, isEventSourcingError, START } from "@es/core";
import type { BrokenStore } from "../broken-store.ts";
import { delegate, versionOf, listOf } from "../delegate.ts";

/** A store that takes the condition's queries for others. */
function mistaking(
  fault: string,
  rejectedBy: readonly string[],
  change: (query: EventQuery) => readonly EventQuery[],
): BrokenStore {
  const changeFilter = (filter: EventFilter): EventFilter => [filter].flat().flatMap(change);
  return {
    fault,
    rejectedBy,
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options = {}) => {
          if (options.if === undefined) return store.append(writes, options);
          const none = changeFilter(options.if.none);
          try {
            return await store.append(writes, { ...options, if: { ...options.if, none } });
          } catch (error) {
            if (!isEventSourcingError(error, "ES_CONDITION_FAILED")) throw error;
            throw new ConditionFailedError({ condition: options.if, position: Reflect.get(error, "position") });
          }
        },
      }),
  };
}

/** Stores that get conditions wrong. */
export const brokenConditions: readonly BrokenStore[] = [
  {
    fault: "ignores conditions",
    rejectedBy: [
      "conditions.table",
      "conditions.empty-store",
      "conditions.unconditional-counts",
      "conditions.versions-first",
      "boundary.one-winner",
      "boundary.never-overbooked",
      "properties.model",
    ],
    breakStore: (store) =>
      delegate(store, { append: (writes, { if: _condition, ...options } = {}) => store.append(writes, options) }),
  },
  mistaking("checks the types of a condition only", ["conditions.table"], ({ types }) => [
    types === undefined ? {} : { types },
  ]),
  mistaking("lets any of the tags of a condition match", ["conditions.table", "properties.model"], (query) =>
    (query.tags ?? []).length === 0 ? [query] : (query.tags ?? []).map((tag) => ({ ...query, tags: [tag] })),
  ),
  mistaking("ignores the categories of a condition", ["conditions.table"], ({ categories: _categories, ...query }) => [
    query,
  ]),
  {
    fault: "checks the first query of a condition only",
    rejectedBy: ["conditions.table"],
    breakStore: (store) =>
      delegate(store, {
        append: (writes, options = {}) => {
          const first = options.if === undefined ? undefined : [options.if.none].flat()[0];
          if (options.if === undefined || first === undefined) return store.append(writes, options);
          return store.append(writes, { ...options, if: { ...options.if, none: first } });
        },
      }),
  },
  {
    fault: "reports the condition's own position instead of the event's",
    rejectedBy: ["conditions.position-of-match"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          try {
            return await store.append(writes, options);
          } catch (error) {
            if (!isEventSourcingError(error, "ES_CONDITION_FAILED") || options?.if === undefined) throw error;
            throw new ConditionFailedError({ condition: options.if, position: options.if.after });
          }
        },
      }),
  },
  {
    fault: "checks no condition that begins at the start",
    rejectedBy: ["conditions.empty-store", "conditions.table"],
    breakStore: (store) =>
      delegate(store, {
        append: (writes, { if: condition, ...options } = {}) =>
          store.append(
            writes,
            condition === undefined || condition.after === START ? options : { ...options, if: condition },
          ),
      }),
  },
  {
    fault: "sees in a condition only what was appended under a condition",
    rejectedBy: ["conditions.unconditional-counts", "conditions.table"],
    breakStore: (store) => {
      let newest = "";
      return delegate(store, {
        append: async (writes, { if: condition, ...options } = {}) => {
          const isChecked =
            condition !== undefined && (condition.after < newest || condition.after > (await store.head()));
          const result = await store.append(writes, isChecked ? { ...options, if: condition } : options);
          if (condition !== undefined) newest = result.position;
          return result;
        },
      });
    },
  },
  {
    fault: "checks the condition before the version",
    rejectedBy: ["conditions.versions-first"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const first = listOf(writes)[0];
          const version = await versionOf(store, first?.streamId ?? "");
          if (options?.if !== undefined && typeof first?.expected === "number" && first.expected !== version) {
            throw new ConditionFailedError({ condition: options.if, position: await store.head() });
          }
          return store.append(writes, options);
        },
      }),
  },
  {
    fault: "takes a condition's position that it does not know for the start",
    rejectedBy: ["conditions.bad-position"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          try {
            return await store.append(writes, options);
          } catch (error) {
            if (!isEventSourcingError(error, "ES_INVALID_POSITION") || options?.if === undefined) throw error;
            return store.append(writes, { ...options, if: { ...options.if, after: START } });
          }
        },
      }),
  },
  {
    fault: "takes a condition without queries for no condition",
    rejectedBy: ["conditions.refuses-empty-lists"],
    breakStore: (store) =>
      delegate(store, {
        append: (writes, { if: condition, ...options } = {}) =>
          store.append(
            writes,
            condition === undefined || [condition.none].flat().length === 0 ? options : { ...options, if: condition },
          ),
      }),
  },
];
