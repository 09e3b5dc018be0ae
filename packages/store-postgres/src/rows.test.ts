import { describe, expect, it } from "vitest";
import { arrayLiteral } from "./append-statement.ts";
import { parseArray, toRecordedEvent } from "./rows.ts";

describe("lists of texts", () => {
  it("come back as they were, as PostgreSQL writes them", () => {
    expect(parseArray("{a,course:1,ünï}")).toStrictEqual(["a", "course:1", "ünï"]);
    expect(parseArray(String.raw`{"a,b","q\"\\","{}"," x ","NULL"}`)).toStrictEqual([
      "a,b",
      'q"\\',
      "{}",
      " x ",
      "NULL",
    ]);
    expect(parseArray("{}")).toStrictEqual([]);
  });

  it("come back as they were, as the store writes them", () => {
    const texts = ["a", "a,b", 'q"\\', "{}", "line\nbreak", "😀", "NULL", "'"];

    expect(parseArray(arrayLiteral(texts))).toStrictEqual(texts);
  });
});

describe("toRecordedEvent", () => {
  it("refuses what is not JSON", () => {
    const row = ["7", "a-1", "1", "id", "Happened", "0", null, null, "{"];

    expect(() => toRecordedEvent(row)).toThrow(
      expect.objectContaining({ code: "ES_STORE_CORRUPT", message: expect.stringContaining("position 7") }),
    );
  });
});
