import { describe, expect, it } from "vitest";
import { assertRegisterKey, assertRegisterWrite } from "../adapter/register-checks.ts";
import { ConfigurationError } from "../errors/configuration-error.ts";
import { assertStreamId, categoryOf, streamIdOf } from "./stream-id.ts";

describe("stream ids", () => {
  it("are category and id, told apart at the first hyphen", () => {
    expect(streamIdOf("account", "a-1")).toBe("account-a-1");
    expect(categoryOf("account-a-1")).toBe("account");
    expect(categoryOf("account")).toBe("account");
  });

  it("take every character that UTF-8 can hold, up to 255 bytes", () => {
    for (const id of ["Grüße 🎉", ". * > / \\ % '", "x".repeat(255), "é".repeat(127)])
      expect(() => assertStreamId(id)).not.toThrow();
  });

  it.each(["", "a\u0000b", "\ud83c", "x".repeat(256), "é".repeat(128)])("refuse %j", (id) => {
    expect(() => assertStreamId(id)).toThrow(ConfigurationError);
  });

  it("refuse a category with a hyphen and an empty id", () => {
    expect(() => streamIdOf("my-account", "1")).toThrow('contains "-"');
    expect(() => streamIdOf("account", "")).toThrow("is empty");
  });
});

describe("registers", () => {
  it("take keys of 320 bytes and any well-formed text", () => {
    expect(() => assertRegisterWrite("k".repeat(320), "\u0000 🎉", 0)).not.toThrow();
  });

  it("refuse longer keys, half a surrogate pair and a revision that is none", () => {
    expect(() => assertRegisterKey("k".repeat(321))).toThrow(ConfigurationError);
    expect(() => assertRegisterWrite("k", "\ud83c", undefined)).toThrow(ConfigurationError);
    expect(() => assertRegisterWrite("k", "v", -1)).toThrow(ConfigurationError);
    expect(() => assertRegisterWrite("k", "v", 0.5)).toThrow(ConfigurationError);
  });
});
