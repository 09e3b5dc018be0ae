import { describe, expect, it } from "vitest";
import * as z from "zod";
import { defineAggregate } from "../aggregate/define-aggregate.ts";
import { defineEvents } from "../events/define-events.ts";
import { versioned } from "../events/versioned.ts";
import { givenStored } from "./given.ts";

const Account = defineAggregate({
  name: "account",
  events: defineEvents({
    Opened: versioned(z.object({ name: z.string() }))
      .upcast(z.object({ owner: z.string() }), ({ name }) => ({ owner: name }))
      .formerly("AccountOpened"),
  }),
  state: z.object({ owner: z.string() }),
  commands: { Open: z.object({ owner: z.string() }) },
  initialState: () => ({ owner: "" }),
  evolve: { Opened: (_state, { data }) => data },
  decide: { Open: ({ data }) => ({ type: "Opened", data }) },
});

describe("givenStored", () => {
  it("brings a past under a former name and schema up to date", () => {
    givenStored(Account, { type: "AccountOpened", data: { name: "Ada" } }).thenState({ owner: "Ada" });
  });

  it("takes the version of the schema that wrote the past", () => {
    givenStored(Account, { type: "Opened", data: { owner: "Ada" }, schemaVersion: 2 })
      .when({ type: "Open", data: { owner: "Eve" } })
      .thenState({ owner: "Eve" });
  });

  it("fails as a load would when the past cannot be read", () => {
    const past = givenStored(Account, { type: "Opened", data: { owner: "Ada" } });

    expect(() => past.thenState({ owner: "Ada" })).toThrow(/could not be brought from schema version 1 to 2/);
  });
});
