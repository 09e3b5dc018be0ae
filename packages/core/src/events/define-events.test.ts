import { describe, expect, it } from "vitest";
import * as z from "zod";
import { bigintCodec, bytesCodec, dateCodec } from "../codec/json-codecs.ts";
import { ConfigurationError } from "../errors/configuration-error.ts";
import { InvalidEventError, UnknownEventTypeError, UpcastError } from "../errors/event-errors.ts";
import type { JsonValue } from "../store/json.ts";
import type { RecordedEvent } from "../store/recorded-event.ts";
import { defineEvents } from "./define-events.ts";
import type { Schema } from "./schema.ts";
import { versioned } from "./versioned.ts";

const accountEvents = defineEvents({
  Opened: z.object({ owner: z.string() }),
  Deposited: z.object({ amount: z.number().positive(), tags: z.array(z.string()).optional() }),
});

function recorded(type: string, data: JsonValue, schemaVersion?: number): RecordedEvent {
  return {
    id: "5b0ff4a2-8a6c-4f3c-8f6e-0e8f3a0c9d11",
    streamId: "account-7",
    version: 3,
    position: "0000000000000009",
    type,
    data,
    metadata: schemaVersion === undefined ? {} : { schemaVersion },
    tags: [],
    recordedAt: 0,
  };
}

/** A validator of no library: text that holds a number. */
const digits: Schema<string, string> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof value === "string" && /^\d+$/.test(value)
        ? { value }
        : { issues: [{ message: "no digits", path: [{ key: "a" }, 0] }] },
  },
};

describe("create", () => {
  it("gives an event with checked data", () => {
    expect(accountEvents.create("Opened", { owner: "Ada" })).toEqual({ type: "Opened", data: { owner: "Ada" } });
  });

  it("copies the data", () => {
    const tags = ["a"];
    const event = accountEvents.create("Deposited", { amount: 1, tags });

    tags.push("b");

    expect(event.data.tags).toEqual(["a"]);
  });

  it("refuses data that breaks the schema, naming type and path", () => {
    expect(() => accountEvents.create("Deposited", { amount: -1 })).toThrow(InvalidEventError);
    expect(() => accountEvents.create("Deposited", { amount: -1 })).toThrow(
      /^event "Deposited" breaks its schema: amount: /,
    );
  });
});

describe("encode", () => {
  it.each(["Closed", "toString", "__proto__", "opened", ""])("refuses the unknown type %j", (type) => {
    expect(() => accountEvents.encode({ type, data: {} })).toThrow(UnknownEventTypeError);
  });

  it("refuses data that JSON cannot hold", () => {
    const events = defineEvents({ Timed: z.object({ at: z.date() }) });

    expect(() => events.encode({ type: "Timed", data: { at: new Date(0) } })).toThrow(
      /"Timed" cannot be stored: data.at is a Date/,
    );
  });

  it("stores the JSON form of codecs, and decoding gives the domain form back", () => {
    const events = defineEvents({ Moved: z.object({ at: dateCodec(), cents: bigintCodec(), digest: bytesCodec() }) });
    const data = {
      at: new Date("2024-02-29T12:00:00.123Z"),
      cents: -(2n ** 70n),
      digest: new Uint8Array([0, 128, 255]),
    };

    const encoded = events.encode({ type: "Moved", data });

    expect(encoded).toEqual({
      type: "Moved",
      data: { at: "2024-02-29T12:00:00.123Z", cents: "-1180591620717411303424", digest: "AID/" },
      schemaVersion: 1,
    });
    expect(events.decodeOwn(encoded)).toEqual({ type: "Moved", data });
  });

  it("refuses a date that is none", () => {
    const events = defineEvents({ Moved: z.object({ at: dateCodec() }) });

    expect(() => events.encode({ type: "Moved", data: { at: new Date(Number.NaN) } })).toThrow(InvalidEventError);
  });

  it("refuses a schema with a one-way transform, with advice", () => {
    const events = defineEvents({ Named: z.object({ length: z.string().transform((text) => text.length) }) });

    expect(() => events.encode({ type: "Named", data: { length: 3 } })).toThrow(ConfigurationError);
    expect(() => events.encode({ type: "Named", data: { length: 3 } })).toThrow("Use z.codec() instead of a transform");
  });
});

describe("any Standard Schema", () => {
  const events = defineEvents({ Counted: digits, Versioned: versioned(digits).upcast(digits, (text) => `${text}0`) });

  it("validates events", () => {
    expect(events.create("Counted", "42")).toEqual({ type: "Counted", data: "42" });
    expect(() => events.create("Counted", "no")).toThrow('event "Counted" breaks its schema: a.0: no digits');
  });

  it("has upcasters too", () => {
    expect(events.decode(recorded("Versioned", "4")).data).toBe("40");
  });

  it("is refused when it validates asynchronously", () => {
    const slow: Schema<string, string> = {
      "~standard": { version: 1, vendor: "test", validate: async () => ({ value: "" }) },
    };
    const slowEvents = defineEvents({ Slow: slow, SlowZod: z.string().refine(async () => true) });

    expect(() => slowEvents.create("Slow", "")).toThrow(ConfigurationError);
    expect(() => slowEvents.create("SlowZod", "")).toThrow(ConfigurationError);
  });
});

describe("names", () => {
  const events = defineEvents({ Opened: versioned(z.object({})).formerly("AccountOpened", "account.opened") });

  it("include former ones, which decode to the current one", () => {
    expect(events.decode(recorded("AccountOpened", {})).type).toBe("Opened");
    expect(events.includes({ type: "account.opened" })).toBe(true);
    expect(events.includes({ type: "Closed" })).toBe(false);
    expect(events.types).toEqual(["Opened"]);
  });

  it("are written as the current one", () => {
    expect(events.encode({ type: "AccountOpened", data: {} }).type).toBe("Opened");
  });

  it("must not clash", () => {
    const schema = z.object({});

    expect(() => defineEvents({ A: schema, B: versioned(schema).formerly("A") })).toThrow(
      'the name "A" stands for both A and B',
    );
    expect(() => defineEvents({ A: versioned(schema).formerly("X"), B: versioned(schema).formerly("X") })).toThrow(
      ConfigurationError,
    );
  });

  it.each(["", "a\u0000", "\ud800", "x".repeat(256)])("must be storable: not %j", (name) => {
    expect(() => defineEvents({ [name]: z.object({}) })).toThrow(ConfigurationError);
    expect(() => versioned(z.object({})).formerly(name)).toThrow(ConfigurationError);
  });
});

describe("decode", () => {
  it("keeps the envelope", () => {
    const stored = recorded("Opened", { owner: "Ada" });

    expect(accountEvents.decode(stored)).toEqual(stored);
  });

  it("refuses what breaks the schema, naming type, stream and version", () => {
    expect(() => accountEvents.decode(recorded("Opened", { owner: 7 }))).toThrow(
      /^event "Opened" in stream "account-7" at version 3 breaks its schema: owner: /,
    );
  });

  it("refuses an unknown type, naming stream and version", () => {
    expect(() => accountEvents.decode(recorded("Closed", {}))).toThrow(
      /^event "Closed" in stream "account-7" at version 3 is not in this family/,
    );
  });

  it("refuses a newer schema version of a schema without a history", () => {
    expect(() => accountEvents.decode(recorded("Opened", { owner: "Ada" }, 2))).toThrow(UpcastError);
  });
});

describe("a chain of schema versions", () => {
  const v1 = z.object({ name: z.string() });
  const v2 = z.object({ first: z.string(), last: z.string() });
  const v3 = z.object({ first: z.string(), last: z.string(), year: z.number() });
  const v4 = z.object({ full: z.string().min(3), born: dateCodec() });
  const events = defineEvents({
    Born: versioned(v1)
      .upcast(v2, ({ name }) => {
        const [first = "", last = ""] = name.split(" ");
        return { first, last };
      })
      .upcast(v3, (data) => {
        if (data.first === "Bad") throw new Error("no such person");
        return { ...data, year: 1815 };
      })
      .upcast(v4, ({ first, last, year }) => ({ full: `${first} ${last}`.trim(), born: `${year}-12-10T00:00:00Z` })),
  });
  const expected = { full: "Ada Lovelace", born: new Date("1815-12-10T00:00:00Z") };

  it.each([
    [undefined, { name: "Ada Lovelace" }],
    [1, { name: "Ada Lovelace" }],
    [2, { first: "Ada", last: "Lovelace" }],
    [3, { first: "Ada", last: "Lovelace", year: 1815 }],
    [4, { full: "Ada Lovelace", born: "1815-12-10T00:00:00Z" }],
  ])("brings version %s to the current one", (version, data) => {
    expect(events.decode(recorded("Born", data, version)).data).toEqual(expected);
  });

  it("leaves the stored data unchanged", () => {
    const stored = recorded("Born", { name: "Ada Lovelace" });

    events.decode(stored);

    expect(stored).toEqual(recorded("Born", { name: "Ada Lovelace" }));
  });

  it("writes the current version", () => {
    expect(events.encode({ type: "Born", data: expected })).toEqual({
      type: "Born",
      data: { full: "Ada Lovelace", born: "1815-12-10T00:00:00.000Z" },
      schemaVersion: 4,
    });
  });

  it.each([5, 0, -1, 1.5])("refuses version %s", (version) => {
    expect(() => events.decode(recorded("Born", {}, version))).toThrow(
      `was written with schema version ${version}, this code knows versions 1 to 4`,
    );
  });

  it("names the step that fails, with stream and version", () => {
    const stored = recorded("Born", { name: "Bad Person" });

    expect(() => events.decode(stored)).toThrow(UpcastError);
    expect(() => events.decode(stored)).toThrow(
      'event "Born" in stream "account-7" at version 3 could not be brought from schema version 2 to 3: no such person',
    );
  });

  it("refuses data that breaks the schema it was written with", () => {
    expect(() => events.decode(recorded("Born", { nom: "Ada" }))).toThrow(
      "could not be brought from schema version 1 to 2: name: ",
    );
  });

  it("refuses a result that breaks the current schema", () => {
    expect(() => events.decode(recorded("Born", { first: "A", last: "", year: 1 }, 3))).toThrow(
      /was brought from schema version 3 to 4, but the result breaks that schema: full: /,
    );
  });

  it("does not change the chain it was made from", () => {
    const chain = versioned(v1);

    chain.upcast(v2, () => ({ first: "", last: "" }));

    expect(chain.versions).toHaveLength(1);
  });
});
