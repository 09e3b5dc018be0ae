import { describe, expect, it } from "vitest";
import { StoreNames } from "./names.ts";
import { everyEvent, everyRegister, serverFilter } from "./server-filter.ts";

const names = new StoreNames(undefined);

describe("the server's filter", () => {
  it("is by stream when every query names categories", () => {
    const filter = serverFilter(names, [{ categories: ["a"], types: ["T"] }, { categories: ["b.c", "a"] }]);

    expect(filter).toMatchObject({ filterOn: "streamName", regex: "^(?:a|b\\.c)(?:-|$)" });
  });

  it("is by type when every query names types", () => {
    const filter = serverFilter(names, [{ types: ["A"] }, { types: ["$b"], categories: ["c"] }]);

    expect(filter).toMatchObject({ filterOn: "eventType", regex: "^(?:A|~\\$b)$" });
  });

  it("is every event of the store when a query allows all, or names too many", () => {
    const many = Array.from({ length: 501 }, (_, index) => `T${index}`);

    for (const queries of [undefined, [{}], [{ types: ["A"] }, { categories: ["b"] }], [{ types: many }]]) {
      expect(serverFilter(names, queries)).toStrictEqual(everyEvent(names));
    }
  });

  it("leaves the server's own streams and the registers out", () => {
    const isLetThrough = (stream: string): boolean => new RegExp(everyEvent(names).regex).test(stream);

    expect(["user-1", "$streams", "$$user-1", "es:register-a", "es:store"].filter(isLetThrough)).toStrictEqual([
      "user-1",
    ]);
  });

  it("of registers is their metadata, by the beginning of the key", () => {
    const pattern = new RegExp(everyRegister(names, "a.b").regex);

    expect("$$es:register-a.bc").toMatch(pattern);
    expect("$$es:register-axb").not.toMatch(pattern);
    expect("$$es:register:shop-a.b").not.toMatch(pattern);
    expect("es:register-a.b").not.toMatch(pattern);
  });
});
