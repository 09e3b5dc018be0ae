import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromServerType, StoreNames, toServerType, typesPattern } from "./names.ts";

const unnamed = new StoreNames(undefined);
const shop = new StoreNames("shop");
/** Names with much of what is special. */
const anyName = fc
  .array(fc.constantFrom("$", "~", "es:", "-", "shop.", ".", "*", "\\", "(", "a", "é", "\n", "🎉"), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => parts.join(""));

describe("the names of streams", () => {
  it("are the stream ids, after the name of the store", () => {
    expect(unnamed.stream("user-42")).toBe("user-42");
    expect(shop.stream("user-42")).toBe("shop.user-42");
  });

  it("never begin with what is the server's or the store's own", () => {
    expect(unnamed.stream("$all")).toBe("~$all");
    expect(unnamed.stream("~$all")).toBe("~~$all");
    expect(unnamed.stream("es:register-a")).toBe("~es:register-a");
    expect(unnamed.stream("~a")).toBe("~a");
  });

  it("lead back to the stream id, and match the pattern of the store and of the category", () => {
    fc.assert(
      fc.property(anyName, (streamId) => {
        for (const names of [unnamed, shop]) {
          const stream = names.stream(streamId);
          const dash = streamId.indexOf("-");
          const category = dash === -1 ? streamId : streamId.slice(0, dash);
          expect(names.streamId(stream)).toBe(streamId);
          expect(stream).toMatch(new RegExp(names.pattern));
          expect(stream).toMatch(new RegExp(names.categoriesPattern(["other", category])));
        }
      }),
    );
  });

  it("tell the streams of others apart", () => {
    expect(["$all", "$$a-1", "es:store", "es:register-k"].map((name) => unnamed.streamId(name))).toStrictEqual(
      Array(4).fill(undefined),
    );
    expect(
      ["user-1", "shopping.a-1", "shop.$a", "es:store:shop", "es:register:shop-k"].map((name) => shop.streamId(name)),
    ).toStrictEqual(Array(5).fill(undefined));
    expect("es:register-k").not.toMatch(new RegExp(unnamed.pattern));
    expect("shop2.user-1").not.toMatch(new RegExp(shop.pattern));
    expect("orders-1").not.toMatch(new RegExp(unnamed.categoriesPattern(["order"])));
  });
});

describe("the names of event types", () => {
  it("lead back to the type, never begin with a dollar sign, and match their pattern alone", () => {
    fc.assert(
      fc.property(anyName, anyName, (type, other) => {
        const name = toServerType(type);
        expect(name.startsWith("$")).toBe(false);
        expect(fromServerType(name)).toBe(type);
        expect(new RegExp(typesPattern([type])).test(toServerType(other))).toBe(type === other);
      }),
    );
  });

  it("of the server itself are none of ours", () => {
    expect(["$>", "$metadata", ""].map(fromServerType)).toStrictEqual([undefined, undefined, undefined]);
  });
});
