import { type AppendResult, categoryOf, ConcurrencyError, type ExpectedVersion, isEventSourcingError } from "@es/core";
import type { BrokenStore } from "../broken-store.ts";
import { changeWrites, delegate, listOf, versionOf } from "../delegate.ts";

/** A store that takes one expectation for another. */
function mistaking(
  fault: string,
  rejectedBy: readonly string[],
  change: (expected: ExpectedVersion) => ExpectedVersion,
): BrokenStore {
  return {
    fault,
    rejectedBy,
    breakStore: (store) => changeWrites(store, (write) => ({ ...write, expected: change(write.expected) })),
  };
}

/** A store that lets some conflicts over numbers pass. */
function lenient(
  fault: string,
  rejectedBy: readonly string[],
  passes: (expected: number, actual: number) => boolean,
): BrokenStore {
  return {
    fault,
    rejectedBy,
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) => {
          const changed = [];
          for (const write of listOf(writes)) {
            const { expected } = write;
            const isIgnored = typeof expected === "number" && passes(expected, await versionOf(store, write.streamId));
            changed.push(isIgnored ? { ...write, expected: "any" as const } : write);
          }
          return store.append(changed, options);
        },
      }),
  };
}

/** Stores that get an expectation wrong. */
export const brokenExpectations: readonly BrokenStore[] = [
  mistaking('ignores "no-stream"', ["expected-version.no-stream-on-existing", "retry.no-stream"], (expected) =>
    expected === "no-stream" ? "any" : expected,
  ),
  mistaking('takes "no-stream" for "stream-exists"', ["expected-version.no-stream-on-new"], (expected) =>
    expected === "no-stream" ? "stream-exists" : expected,
  ),
  mistaking('ignores "stream-exists"', ["expected-version.stream-exists-on-new"], (expected) =>
    expected === "stream-exists" ? "any" : expected,
  ),
  mistaking('takes "stream-exists" for "no-stream"', ["expected-version.stream-exists-on-existing"], (expected) =>
    expected === "stream-exists" ? "no-stream" : expected,
  ),
  mistaking('takes "any" for "stream-exists"', ["expected-version.any-on-new"], (expected) =>
    expected === "any" ? "stream-exists" : expected,
  ),
  mistaking('takes "any" for "no-stream"', ["expected-version.any-on-existing"], (expected) =>
    expected === "any" ? "no-stream" : expected,
  ),
  mistaking("takes 0 for a stream that exists", ["expected-version.zero-on-new"], (expected) =>
    expected === 0 ? "stream-exists" : expected,
  ),
  mistaking("takes 0 for no expectation", ["expected-version.zero-on-existing"], (expected) =>
    expected === 0 ? "any" : expected,
  ),
  mistaking("expects one more than it is told", ["expected-version.number-equal"], (expected) =>
    typeof expected === "number" ? expected + 1 : expected,
  ),
  mistaking("takes nonsense for any version", ["expected-version.refuses-nonsense"], (expected) =>
    ["no-stream", "stream-exists"].includes(String(expected)) || Number.isSafeInteger(expected) ? expected : "any",
  ),
  lenient(
    "ignores a number that is too high",
    [
      "expected-version.number-one-too-high",
      "expected-version.number-too-high",
      "expected-version.number-largest",
      "expected-version.one-on-new",
      "properties.model",
    ],
    (expected, actual) => expected > actual,
  ),
  lenient(
    "ignores a number that is too low",
    ["expected-version.number-one-too-low", "expected-version.number-too-low", "retry.version-3"],
    (expected, actual) => expected < actual,
  ),
  lenient(
    "accepts any number for a new stream",
    ["expected-version.one-on-new", "properties.differential"],
    (expected, actual) => expected > 0 && actual === 0,
  ),
  {
    fault: "reports a conflict without the version that it found",
    rejectedBy: ["expected-version.number-one-too-low"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options): Promise<AppendResult> => {
          try {
            return await store.append(writes, options);
          } catch (error) {
            if (!isEventSourcingError(error, "ES_CONCURRENCY")) throw error;
            const [write] = listOf(writes);
            throw new ConcurrencyError({
              streamId: write?.streamId ?? "",
              expected: write?.expected ?? "any",
              actual: -1,
            });
          }
        },
      }),
  },
  {
    fault: "keeps one version for all streams of a category",
    rejectedBy: ["expected-version.is-of-its-own-stream", "read-stream.streams-do-not-mix"],
    breakStore: (store) =>
      delegate(store, {
        append: async (writes, options) =>
          store.append(
            listOf(writes).map((write) => ({ ...write, streamId: categoryOf(write.streamId) })),
            options,
          ),
        readStream: (streamId, options) => store.readStream(categoryOf(streamId), options),
      }),
  },
];
