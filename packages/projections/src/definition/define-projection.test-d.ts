import { defineEvents } from "@es/core";
import { describe, expectTypeOf, it } from "vitest";
import * as z from "zod";
import { defineProjection } from "./define-projection.ts";
import { type AtLeastOnce, type ExactlyOnce, exactlyOnce } from "./delivery.ts";
import type { Projection } from "./projection.ts";

interface Tx {
  run(sql: string): void;
}
const events = defineEvents({
  Opened: z.object({ owner: z.string() }),
  Deposited: z.object({ amount: z.number() }),
});

describe("defineProjection", () => {
  it("types each handler by its event, and says at least once", () => {
    const projection = defineProjection({
      name: "a",
      events,
      handlers: {
        Opened: (event, context) => {
          expectTypeOf(event.type).toEqualTypeOf<"Opened">();
          expectTypeOf(event.data.owner).toEqualTypeOf<string>();
          expectTypeOf(event.version).toEqualTypeOf<number>();
          expectTypeOf(context).not.toHaveProperty("tx");
        },
        Deposited: async ({ data }) => {
          expectTypeOf(data.amount).toEqualTypeOf<number>();
        },
      },
    });
    expectTypeOf(projection).toEqualTypeOf<Projection<AtLeastOnce>>();
  });

  it("gives handlers the transaction when the delivery is exactly once", () => {
    const projection = defineProjection({
      name: "a",
      events,
      delivery: exactlyOnce<Tx>(),
      batch: (batch, { tx }) => {
        expectTypeOf(tx).toEqualTypeOf<Tx>();
        for (const event of batch) {
          if (event.type === "Opened") expectTypeOf(event.data.owner).toEqualTypeOf<string>();
        }
      },
    });
    expectTypeOf(projection).toEqualTypeOf<Projection<ExactlyOnce<Tx>>>();
  });

  it("infers the rows of a fold", () => {
    defineProjection({
      name: "a",
      events,
      fold: {
        key: ({ streamId }) => streamId,
        load: (_keys): ReadonlyMap<string, { total: number }> => new Map(),
        evolve: {
          Opened: (row) => {
            expectTypeOf(row).toEqualTypeOf<{ total: number } | undefined>();
            return { total: 0 };
          },
          Deposited: (row, { data }) => ({ total: (row?.total ?? 0) + data.amount }),
        },
        save: (rows) => {
          expectTypeOf(rows).toEqualTypeOf<ReadonlyMap<string, { total: number } | undefined>>();
        },
      },
    });
  });

  it("asks for a handler for every type that is read, and for no other", () => {
    defineProjection({ name: "a", events, types: ["Opened"], handlers: { Opened: () => undefined } });
    // @ts-expect-error Deposited is read and has no handler
    defineProjection({ name: "a", events, handlers: { Opened: () => undefined } });
    // @ts-expect-error there is no such type
    defineProjection({ name: "a", events, types: ["Closed"], batch: () => undefined });
  });
});
