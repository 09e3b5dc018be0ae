import type { EventFilter, EventQuery, Write } from "@es/core";
import fc from "fast-check";
import type { DeclaredCapabilities } from "../conformance-options.ts";
import { happened } from "../new-events.ts";
import type { Call, Revision } from "./call.ts";
import type { Model } from "./model.ts";

const STREAMS = 5;
const TYPES = ["Opened", "Paid", "Closed"];
const TAGS = ["course:1", "course:2", "student:1"];
const KEYS = ["k", "k%", "k1", "other"];

/** What a program does next, before it is known how far the program has come. */
export type Step = (program: Program) => Call;

/** Where a program stands: what its next step can refer to. */
export interface Program {
  /** Comes first in every name, so that programs on one store do not meet. */
  readonly prefix: string;
  readonly model: Model;
  readonly appends: Extract<Call, { kind: "append" }>[];
}

/** The expectations that a step may have, by what they are to the stream's version when the step comes. */
const EXPECTATIONS: Readonly<Record<string, (version: number) => Write["expected"]>> = {
  current: (version) => version,
  "too low": (version) => Math.max(0, version - 1),
  "too high": (version) => version + 1,
  zero: () => 0,
  any: () => "any",
  "no-stream": () => "no-stream",
  "stream-exists": () => "stream-exists",
};

/** Random steps that a store with this declaration can take. */
export function steps(declares: DeclaredCapabilities): fc.Arbitrary<readonly Step[]> {
  const hasTags = declares.conditions === "query";
  const append = appendStep(declares.atomicStreams > 1 ? 3 : 1, hasTags);
  return fc.array(
    fc.oneof({ arbitrary: append, weight: 6 }, repeatStep(), readStreamStep(), readAllStep(hasTags), registerStep()),
    { minLength: 1, maxLength: 25 },
  );
}

function streamId({ prefix }: Program, stream: number): string {
  return `${prefix}${stream % 2 === 0 ? "even" : "odd"}-${stream}`;
}

/** A random query; its categories still lack the program's prefix. */
function queries(hasTags: boolean): fc.Arbitrary<(program: Program) => EventFilter> {
  const some = (names: readonly string[]): fc.Arbitrary<readonly string[]> => fc.subarray([...names], { minLength: 1 });
  const query = fc.record(
    { types: some(TYPES), categories: some(["even", "odd", "none"]), ...(hasTags ? { tags: some(TAGS) } : {}) },
    { requiredKeys: [] },
  );
  const place = ({ categories, ...rest }: EventQuery, { prefix }: Program): EventQuery =>
    categories === undefined ? rest : { ...rest, categories: categories.map((category) => prefix + category) };
  return fc
    .array(query, { minLength: 1, maxLength: 3 })
    .map((list) => (program) => list.map((one) => place(one, program)));
}

function appendStep(mostStreams: number, hasTags: boolean): fc.Arbitrary<Step> {
  const event = fc.record({ type: fc.constantFrom(...TYPES), tags: hasTags ? fc.subarray(TAGS) : fc.constant([]) });
  const write = fc.record({
    stream: fc.nat(STREAMS - 1),
    expectation: fc.constantFrom("current", "current", "current", ...Object.keys(EXPECTATIONS)),
    events: fc.array(event, { minLength: 1, maxLength: 3 }),
  });
  const writes = fc.uniqueArray(write, { minLength: 1, maxLength: mostStreams, selector: ({ stream }) => stream });
  const condition = fc.option(fc.record({ query: queries(hasTags), after: fc.constantFrom(0, 0.5, 0.9, 1) }), {
    freq: 3,
  });
  return fc.tuple(writes, hasTags ? condition : fc.constant(null)).map(([planned, limits]) => (program) => {
    const { model } = program;
    const call = {
      kind: "append" as const,
      writes: planned.map(({ stream, expectation, events }) => ({
        streamId: streamId(program, stream),
        expected: EXPECTATIONS[expectation]?.(model.versionOf(streamId(program, stream))) ?? "any",
        events: events.map((members, n) => happened(n, members)),
      })),
      condition:
        limits === null
          ? undefined
          : { none: limits.query(program), after: Math.floor(model.events.length * limits.after) },
    };
    program.appends.push(call);
    return call;
  });
}

/** One of the appends so far once more, with the same ids, as after an answer that was lost. */
function repeatStep(): fc.Arbitrary<Step> {
  return fc.nat().map((which) => ({ appends, model, prefix }) => {
    const call = appends[which % Math.max(1, appends.length)];
    const ids = new Set(call?.writes.flatMap((write) => write.events.map(({ id }) => id)));
    // An "any" repeated stores its ids again; which of the two a further repetition means is left open by the contract.
    const isAmbiguous = model.events.filter(({ id }) => ids.has(id)).length > ids.size;
    return call === undefined || isAmbiguous ? { kind: "keys", prefix } : call;
  });
}

function readStreamStep(): fc.Arbitrary<Step> {
  const options = fc.record(
    {
      from: fc.nat(8),
      to: fc.nat(12),
      direction: fc.constantFrom("forward" as const, "backward" as const),
      limit: fc.nat(6),
      pageSize: fc.integer({ min: 1, max: 5 }),
    },
    { requiredKeys: [] },
  );
  return fc.record({ stream: fc.nat(STREAMS), options }).map((read) => (program) => ({
    kind: "read-stream",
    streamId: streamId(program, read.stream),
    options: read.options,
  }));
}

function readAllStep(hasTags: boolean): fc.Arbitrary<Step> {
  const read = fc.record({
    query: queries(hasTags),
    after: fc.double({ min: 0, max: 1, noNaN: true }),
    limit: fc.constantFrom(1, 2, 5, 1_000),
    pageSize: fc.constantFrom(1, 2, 3, 500),
  });
  return read.map(({ query, after, limit, pageSize }) => (program) => {
    return {
      kind: "read-all",
      filter: query(program),
      after: Math.floor(program.model.events.length * after),
      limit,
      pageSize,
    };
  });
}

function registerStep(): fc.Arbitrary<Step> {
  const revision: fc.Arbitrary<Revision> = fc.constantFrom("unchecked" as const, "never" as const, 0, 1, 2, 3);
  const call = fc.record({
    kind: fc.constantFrom("get" as const, "set" as const, "set" as const, "delete" as const, "keys" as const),
    name: fc.constantFrom(...KEYS),
    value: fc.string(),
    expected: revision,
  });
  return call.map(({ kind, name, value, expected }) => ({ prefix }) => {
    const key = prefix + name;
    switch (kind) {
      case "get":
        return { kind, key };
      case "set":
        return { kind, key, value, expected };
      case "delete":
        return { kind, key, expected };
      case "keys":
        return { kind, prefix: key };
    }
  });
}
