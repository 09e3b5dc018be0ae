import { describe, expect, it } from "vitest";
import { type PostgresEventStoreOptions, resolveOptions } from "./options.ts";

const url = "postgres://localhost/db";

describe("resolveOptions", () => {
  it("fills in the defaults", () => {
    expect(resolveOptions({ url })).toStrictEqual({
      schema: "es",
      prefix: "",
      tags: undefined,
      migrate: true,
      isPrepared: true,
      isListening: true,
      listenUrl: undefined,
      timeoutMs: 5_000,
      pollIntervalMs: 250,
      maxPendingWrites: 20_000,
      writeConnections: 1,
      readConnections: 4,
      transactionConnections: 4,
      transactionIdleTimeoutMs: 60_000,
    });
  });

  it("does not listen through a pooler, unless there is an address around it", () => {
    expect(resolveOptions({ url, prepared: false }).isListening).toBe(false);
    expect(resolveOptions({ url, prepared: false, listenUrl: url }).isListening).toBe(true);
    expect(resolveOptions({ url, prepared: false, listen: true }).isListening).toBe(true);
  });

  it("does not listen over a pool of the caller, unless there is an address for it", () => {
    const pool = { connect: () => Promise.reject(new Error("not called")) };

    expect(resolveOptions({ pool }).isListening).toBe(false);
    expect(resolveOptions({ pool, listenUrl: url }).isListening).toBe(true);
    expect(() => resolveOptions({ pool, listen: true })).toThrow("listenUrl");
  });

  it.each<[string, Partial<PostgresEventStoreOptions>]>([
    ["schema", { schema: 'a"b' }],
    ["schema", { schema: "" }],
    ["prefix", { prefix: "x".repeat(41) }],
    ["timeoutMs", { timeoutMs: 0 }],
    ["pollIntervalMs", { pollIntervalMs: 1.5 }],
    ["readConnections", { readConnections: Number.NaN }],
  ])("refuses a wrong %s", (name, wrong) => {
    expect(() => resolveOptions({ url, ...wrong })).toThrow(
      expect.objectContaining({ code: "ES_CONFIGURATION", message: expect.stringContaining(`option ${name} `) }),
    );
  });
});
