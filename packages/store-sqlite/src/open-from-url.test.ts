import { describe, expect, it } from "vitest";
import { openFromUrl, parseSqliteUrl } from "./open-from-url.ts";

describe("an address of the SQLite store", () => {
  it.each([
    ["sqlite:./events.db", { path: "./events.db" }],
    ["SQLite:events.db", { path: "events.db" }],
    ["sqlite:events.db", { path: "events.db" }],
    ["sqlite:../data/a%20b%3F.db", { path: "../data/a b?.db" }],
    ["sqlite:///data/events.db", { path: "/data/events.db" }],
    ["sqlite:/data/events.db", { path: "/data/events.db" }],
    ["sqlite::memory:", { path: ":memory:" }],
    [
      "sqlite:e.db?synchronous=NORMAL&timeoutMs=250&readOnly=true&pollIntervalMs=5&createTables=alongside&maxPendingWrites=7",
      {
        path: "e.db",
        synchronous: "NORMAL",
        timeoutMs: 250,
        readOnly: true,
        pollIntervalMs: 5,
        createTables: "alongside",
        maxPendingWrites: 7,
      },
    ],
  ])("%s means its path and options", (url, options) => {
    expect(parseSqliteUrl(url)).toStrictEqual(options);
  });

  it.each([
    ["postgres://localhost/db", "not an address"],
    ["sqlite:", "names no file"],
    ["sqlite:?readOnly=true", "names no file"],
    ["sqlite://events.db", "names a host"],
    ["sqlite:a#b.db", "%23"],
    ["sqlite:50%.db", "%25"],
    ["sqlite:e.db?sync=FULL", `unknown parameter "sync"`],
    ["sqlite:e.db?synchronous=full", "parameter synchronous"],
    ["sqlite:e.db?timeoutMs=soon", "parameter timeoutMs"],
    ["sqlite:e.db?readOnly=yes", "parameter readOnly"],
    ["sqlite:e.db?createTables=no", "parameter createTables"],
    ["sqlite:e.db?readOnly=true&readOnly=true", "twice"],
  ])("%s is refused: %s", async (url, message) => {
    await expect(openFromUrl(url)).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining(message),
    });
  });

  it("opens a store", async () => {
    await using store = await openFromUrl("sqlite::memory:?timeoutMs=100");

    expect(await store.head()).toBe("");
  });
});
