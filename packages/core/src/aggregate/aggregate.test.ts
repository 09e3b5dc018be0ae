import { describe, expect, it } from "vitest";
import * as z from "zod";
import { Counter, type CounterEvent, type CounterState, Tally, TooMuch, tallyDefinition } from "../../test/counter.ts";
import { dateCodec } from "../codec/json-codecs.ts";
import { InvalidCommandError, PendingEventsError, StreamIntegrityError } from "../errors/aggregate-errors.ts";
import { ConfigurationError } from "../errors/configuration-error.ts";
import { InvalidEventError, MissingHandlerError, UnknownEventTypeError } from "../errors/event-errors.ts";
import { defineEvents } from "../events/define-events.ts";
import type { JsonValue } from "../store/json.ts";
import type { RecordedEvent } from "../store/recorded-event.ts";
import { Aggregate } from "./aggregate.ts";
import { defineAggregate } from "./define-aggregate.ts";

function recorded(
  streamId: string,
  version: number,
  data: JsonValue = { amount: version },
  type = "Added",
): RecordedEvent {
  const id = `00000000-0000-4000-8000-${String(version).padStart(12, "0")}`;
  return { id, streamId, version, position: String(version), type, data, metadata: {}, tags: [], recordedAt: 0 };
}

function factsOf(aggregate: Aggregate<unknown, { type: string; data: unknown }>): object {
  const { state, version, pendingEvents, isNew } = aggregate;
  return { state, version, pendingEvents, isNew };
}

describe.each([
  ["a decider", () => new Counter("a"), "counter-a"],
  ["a class", () => new Tally("a"), "tally-a"],
] as const)("%s", (_name, create, streamId) => {
  it("starts at version 0 with its initial state", () => {
    const aggregate = create();

    expect(aggregate).toMatchObject({ id: "a", streamId, version: 0, isNew: true, hasPendingEvents: false });
    expect(aggregate.state).toEqual({ label: "", total: 0, amounts: [] });
    expect(aggregate.pendingEvents).toEqual([]);
  });

  it("applies stored events in order and has none pending", () => {
    const aggregate = create();

    aggregate.rehydrate([recorded(streamId, 1), recorded(streamId, 2)]);
    aggregate.rehydrate([recorded(streamId, 3)]);

    expect(aggregate).toMatchObject({ version: 3, isNew: false, hasPendingEvents: false });
    expect(aggregate.state.amounts).toEqual([1, 2, 3]);
  });

  it.each<[string, (version: number) => RecordedEvent, new (...args: never) => Error]>([
    ["of an unknown type", (version) => recorded(streamId, version, {}, "Unheard"), UnknownEventTypeError],
    ["that breaks its schema", (version) => recorded(streamId, version, { amount: "1" }), InvalidEventError],
    ["of another stream", (version) => recorded("other-a", version), StreamIntegrityError],
    ["of another id", (version) => recorded(`${streamId}b`, version), StreamIntegrityError],
    ["that leaves a gap", (version) => recorded(streamId, version + 1), StreamIntegrityError],
    ["that comes twice", (version) => recorded(streamId, version - 1), StreamIntegrityError],
  ])("is unchanged when an event in the middle is one %s", (_problem, bad, error) => {
    const aggregate = create();
    aggregate.rehydrate([recorded(streamId, 1)]);
    const before = factsOf(aggregate);

    expect(() => aggregate.rehydrate([recorded(streamId, 2), bad(3), recorded(streamId, 4)])).toThrow(error);

    expect(factsOf(aggregate)).toEqual(before);
  });

  it("dumps its state and loads it again", () => {
    const aggregate = create();
    aggregate.rehydrate([recorded(streamId, 1), recorded(streamId, 2)]);
    const other = create();

    other.loadState(aggregate.dumpState(), aggregate.version);

    expect(factsOf(other)).toEqual(factsOf(aggregate));
  });

  it.each([-1, 1.5, Number.NaN])("refuses to load a state at version %s", (version) => {
    expect(() => create().loadState({ label: "", total: 0, amounts: [] }, version)).toThrow(ConfigurationError);
  });

  it("is unchanged when a loaded state breaks its schema", () => {
    const aggregate = create();
    const before = factsOf(aggregate);

    expect(() => aggregate.loadState({ total: "1" }, 4)).toThrow(expect.objectContaining({ code: "ES_INVALID_STATE" }));

    expect(factsOf(aggregate)).toEqual(before);
  });

  it("refuses an empty id and one that no store can hold", () => {
    const { constructor } = create();

    expect(() => Reflect.construct(constructor, [""])).toThrow(ConfigurationError);
    expect(() => Reflect.construct(constructor, ["x".repeat(300)])).toThrow(ConfigurationError);
  });
});

describe("pending events", () => {
  function withPending(): Tally {
    const tally = new Tally("a");
    tally.execute({ type: "Add", data: { amounts: [1, 2] } });
    return tally;
  }

  it("are the emitted ones, oldest first, and do not count in the version", () => {
    const tally = withPending();

    expect(tally.pendingEvents).toEqual([
      { type: "Added", data: { amount: 1 } },
      { type: "Added", data: { amount: 2 } },
    ]);
    expect(tally).toMatchObject({ version: 0, isNew: true, state: { total: 3 } });
  });

  it("are a list of their own each time", () => {
    const tally = withPending();
    const [first] = tally.pendingEvents;

    expect(Reflect.set(tally.pendingEvents, "length", 0)).toBe(true);

    expect(tally.pendingEvents).toHaveLength(2);
    expect(tally.pendingEvents[0]).toBe(first);
  });

  it("are frozen", () => {
    const [event] = withPending().pendingEvents;

    expect(Object.isFrozen(event)).toBe(true);
    expect(Object.isFrozen(event?.data)).toBe(true);
  });

  it("do not share the caller's objects", () => {
    const label = { label: "mine" };
    const tally = new Tally("a");
    tally.execute({ type: "Open", data: label });

    label.label = "changed";

    expect(tally.pendingEvents).toMatchObject([{ data: { label: "mine" } }]);
  });

  it("keep the aggregate from being replayed, dumped or loaded", () => {
    const tally = withPending();

    expect(() => tally.rehydrate([])).toThrow(PendingEventsError);
    expect(() => tally.dumpState()).toThrow(PendingEventsError);
    expect(() => tally.loadState({ label: "", total: 0, amounts: [] }, 1)).toThrow(PendingEventsError);

    expect(tally.pendingEvents).toHaveLength(2);
  });
});

describe("emit", () => {
  it("has no effect at all when one of its events cannot be applied", () => {
    const tally = new Tally("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });
    const before = factsOf(tally);

    expect(() => tally.execute({ type: "Add", data: { amounts: [2, 13, 3] } })).toThrow("13 cannot be applied");

    expect(factsOf(tally)).toEqual(before);
  });

  it("has no effect at all when one of its events breaks its schema", () => {
    const tally = new Tally("a");
    const before = factsOf(tally);

    expect(() => tally.execute({ type: "Add", data: { amounts: [1, Number.NaN] } })).toThrow(InvalidEventError);

    expect(factsOf(tally)).toEqual(before);
  });

  it("applies what a replay will apply", () => {
    const tally = new Tally("a");
    const data: { amount: number; extra: string } = { amount: 1, extra: "not in the schema" };

    tally.emitAsGiven({ type: "Added", data });

    expect(tally.pendingEvents).toStrictEqual([{ type: "Added", data: { amount: 1 } }]);
  });

  it("copies metadata and tags, and refuses what JSON cannot hold", () => {
    const tally = new Tally("a");
    const metadata = { actor: "ada" };
    const tags = ["a"];
    tally.emitAsGiven({ type: "Added", data: { amount: 1 }, metadata, tags });
    metadata.actor = "changed";
    tags.push("b");

    expect(tally.repositoryAccess().newEvents(() => "id", {})).toMatchObject([
      { metadata: { actor: "ada" }, tags: ["a"] },
    ]);
    const broken = { n: Number.NaN };
    expect(() => tally.emitAsGiven({ type: "Added", data: { amount: 1 }, metadata: broken })).toThrow(
      InvalidEventError,
    );
    expect(tally.pendingEvents).toHaveLength(1);
  });

  it("refuses at once an id or a tag that no store takes", () => {
    const tally = new Tally("a");
    const event = { type: "Added", data: { amount: 1 } } as const;

    expect(() => tally.emitAsGiven({ ...event, id: "7" })).toThrow('has the id "7", which is not a UUID in lower case');
    expect(() => tally.emitAsGiven({ ...event, tags: ["a", ""] })).toThrow('has the tag "", which is empty');
    expect(tally.pendingEvents).toHaveLength(0);
  });

  it("refuses to emit while it applies an event, new or stored", () => {
    class Echo extends Tally {
      protected override apply(...args: Parameters<Tally["apply"]>): ReturnType<Tally["apply"]> {
        const state = super.apply(...args);
        if (state.total < 3) this.emitAsGiven({ type: "Added", data: { amount: 1 } });
        return state;
      }
    }
    const echo = new Echo("a");

    expect(() => echo.emitAsGiven({ type: "Added", data: { amount: 1 } })).toThrow(
      "emits an event while it applies one",
    );
    expect(() => echo.rehydrate([recorded(echo.streamId, 1, { amount: 1 })])).toThrow("emit in execute");
    expect(echo.pendingEvents).toHaveLength(0);
    echo.emitAsGiven({ type: "Added", data: { amount: 3 } });
    expect(echo.state.total).toBe(3);
  });

  it("refuses an event whose handler returns nothing", () => {
    const events = defineEvents({ Happened: z.object({}) });
    class Forgetful extends Aggregate<object | undefined, { type: "Happened"; data: object }> {
      constructor(id: string) {
        super(id, { name: "forgetful", events, state: z.object({}), initialState: () => ({}) });
      }
      protected apply(): undefined {
        return undefined;
      }
      execute(): void {
        this.emit({ type: "Happened", data: {} });
      }
    }

    expect(() => new Forgetful("a").execute()).toThrow(MissingHandlerError);
  });
});

describe("states", () => {
  it("are frozen all the way down", () => {
    const tally = new Tally("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });

    expect(() => Reflect.apply(Array.prototype.push, tally.state.amounts, [2])).toThrow(TypeError);
    expect(Reflect.set(tally.state, "total", 9)).toBe(false);
  });

  it("are frozen below parts that were frozen before", () => {
    const events = defineEvents({ Happened: z.object({}) });
    const Shallow = defineAggregate({
      name: "shallow",
      events,
      state: z.object({ items: z.array(z.number()) }).readonly(),
      commands: { Do: z.object({}) },
      initialState: () => Object.freeze({ items: [1] }),
      evolve: { Happened: (state) => state },
      decide: { Do: () => ({ type: "Happened", data: {} }) },
    });

    expect(Object.isFrozen(new Shallow("a").state.items)).toBe(true);
  });

  it("cannot be changed by a handler", () => {
    const Mutating = defineAggregate({
      name: "mutating",
      events: defineEvents({ Added: z.object({}) }),
      state: z.object({ items: z.array(z.number()) }),
      commands: { Add: z.object({}) },
      initialState: () => ({ items: [] }),
      evolve: {
        Added(state) {
          state.items.push(1);
          return state;
        },
      },
      decide: { Add: () => ({ type: "Added", data: {} }) },
    });
    const aggregate = new Mutating("a");

    expect(() => aggregate.execute({ type: "Add", data: {} })).toThrow(TypeError);

    expect(aggregate.state).toEqual({ items: [] });
    expect(aggregate.hasPendingEvents).toBe(false);
  });
});

describe("a class", () => {
  it("hands its handlers down, and a subclass may replace them", () => {
    class Doubling extends Tally {
      protected override apply(state: Tally["state"], event: Tally["pendingEvents"][number]): Tally["state"] {
        const next = super.apply(state, event);
        return event.type === "Added" ? { ...next, total: next.total + event.data.amount } : next;
      }
    }
    const doubling = new Doubling("a");

    doubling.execute({ type: "Open", data: { label: "inherited" } });
    doubling.execute({ type: "Add", data: { amounts: [5] } });

    expect(doubling.state).toMatchObject({ label: "inherited", total: 10 });
  });
});

describe("a decider", () => {
  it("decides for one event, several or none", () => {
    const state = Counter.initialState();

    expect(Counter.decide({ type: "Add", data: { amount: 1 } }, state)).toEqual([
      { type: "Added", data: { amount: 1 } },
    ]);
    expect(Counter.decide({ type: "AddTwice", data: { amount: 1 } }, state)).toHaveLength(2);
    expect(Counter.decide({ type: "Nothing", data: {} }, state)).toEqual([]);
  });

  it("evolves as a pure function", () => {
    const state = Counter.evolve(Counter.initialState(), { type: "Added", data: { amount: 4 } });

    expect(state).toEqual({ label: "", total: 4, amounts: [4] });
  });

  it("leaves everything as it was when it refuses", () => {
    const counter = new Counter("a");
    counter.execute({ type: "Add", data: { amount: 900 } });
    const before = factsOf(counter);

    expect(() => counter.execute({ type: "Add", data: { amount: 900 } })).toThrow(TooMuch);

    expect(factsOf(counter)).toEqual(before);
  });

  it("refuses a command that breaks its schema, naming type and path", () => {
    const counter = new Counter("a");

    expect(() => counter.execute({ type: "Add", data: { amount: Number.NaN } })).toThrow(InvalidCommandError);
    expect(() => counter.execute({ type: "Add", data: { amount: Number.NaN } })).toThrow(
      /^command "Add" breaks its schema: amount: /,
    );
    expect(counter.hasPendingEvents).toBe(false);
  });

  it("refuses a command of an unknown type, naming those it knows", () => {
    const counter: Aggregate<unknown, { type: string; data: unknown }> = new Counter("a");

    expect(() => counter.execute({ type: "Explode", data: {} })).toThrow(
      'command "Explode" is not one of aggregate "counter"; it knows Open, Add, AddTwice, Nothing',
    );
    expect(() => counter.execute({ type: "toString", data: {} })).toThrow(InvalidCommandError);
  });

  it("takes commands in the form of the domain", () => {
    const Timer = defineAggregate({
      name: "timer",
      events: defineEvents({ Started: z.object({ at: dateCodec() }) }),
      state: z.object({ at: dateCodec() }),
      commands: { Start: z.object({ at: dateCodec() }) },
      initialState: () => ({ at: new Date(0) }),
      evolve: { Started: (_state, { data }) => ({ at: data.at }) },
      decide: { Start: ({ data }) => ({ type: "Started", data: { at: data.at } }) },
    });
    const timer = new Timer("a");

    timer.execute({ type: "Start", data: { at: new Date(5) } });

    expect(timer.state.at).toEqual(new Date(5));
  });

  it("makes a command's id the cause of its events, unless an event names another", () => {
    const events = defineEvents({ Happened: z.object({}) });
    const Caused = defineAggregate({
      name: "caused",
      events,
      state: z.object({}),
      commands: { Do: z.object({}) },
      initialState: () => ({}),
      evolve: { Happened: (state) => state },
      decide: {
        Do: () => [
          { type: "Happened", data: {} },
          { type: "Happened", data: {}, metadata: { causationId: "other" } },
        ],
      },
    });
    const caused = new Caused("a");

    caused.execute({ type: "Do", data: {}, id: "command-1" });

    const stored = caused.repositoryAccess().newEvents(() => crypto.randomUUID(), { actor: "ada" });
    expect(stored.map(({ metadata }) => metadata)).toEqual([
      { actor: "ada", causationId: "command-1" },
      { actor: "ada", causationId: "other" },
    ]);
  });

  it.each(["", "a-b"])("refuses the name %j", (name) => {
    expect(() =>
      defineAggregate({
        name,
        events: defineEvents({ Happened: z.object({}) }),
        state: z.object({}),
        commands: {},
        initialState: () => ({}),
        evolve: (state) => state,
        decide: () => undefined,
      }),
    ).toThrow(ConfigurationError);
  });

  it("may be written with one function for all events and commands", () => {
    const Whole = defineAggregate({
      name: "whole",
      events: defineEvents({ Added: z.object({ amount: z.number() }) }),
      state: z.number(),
      commands: { Add: z.object({ amount: z.number() }) },
      initialState: () => 0,
      evolve: (state, event) => state + event.data.amount,
      decide: ({ data }) => ({ type: "Added", data }),
    });
    const whole = new Whole("a");

    whole.execute({ type: "Add", data: { amount: 3 } });

    expect(whole.state).toBe(3);
  });
});

describe("a definition", () => {
  it("gives its name to the class that stack traces show", () => {
    expect(Counter.name).toBe("counter");
  });

  it("is refused without a name, which would be the category of its streams", () => {
    class Nameless extends Aggregate<CounterState, CounterEvent> {
      constructor(id: string) {
        super(id, { ...tallyDefinition, name: "" });
      }
      protected apply(state: CounterState): CounterState {
        return state;
      }
      execute(): void {}
    }

    expect(() => new Nameless("a")).toThrow(ConfigurationError);
  });
});
