import { isEventSourcingError } from "@es/core";
import { describe, expect, it } from "vitest";
import { openFromUrl } from "./open-from-url.ts";

describe("openFromUrl", () => {
  it.each(["memory:", "memory://", "MEMORY:"])("opens an empty store for %s", async (url) => {
    await using store = await openFromUrl(url);

    expect(await store.head()).toBe("");
  });

  it("opens another store each time", async () => {
    await using one = await openFromUrl("memory:");
    await using other = await openFromUrl("memory:");

    expect(await one.identity()).not.toBe(await other.identity());
  });

  it.each(["memory:shared", "memory://host/name", "memory:?clock=1", "sqlite:", ""])("refuses %j", async (url) => {
    await expect(openFromUrl(url)).rejects.toSatisfy((error: unknown) =>
      isEventSourcingError(error, "ES_CONFIGURATION"),
    );
  });
});
