import { ConfigurationError } from "@es/core";
import { describe, expect, it } from "vitest";
import { isCollision, isConnectionLost, sqlStateOf, toStoreError } from "./driver-error.ts";

function serverError(code: string, severity = "ERROR"): Error {
  return Object.assign(new Error("something"), { code, severity });
}

function networkError(code: string, message = code): Error {
  return Object.assign(new Error(message), { code });
}

describe("toStoreError", () => {
  it.each([
    ["08006", "ES_STORE_UNAVAILABLE"],
    ["08P01", "ES_CONFIGURATION"],
    ["22P02", "ES_CONFIGURATION"],
    ["23514", "ES_CONFIGURATION"],
    ["25006", "ES_UNSUPPORTED"],
    ["25P01", "ES_CONFIGURATION"],
    ["25P02", "ES_CONFIGURATION"],
    ["26000", "ES_CONFIGURATION"],
    ["28000", "ES_CONFIGURATION"],
    ["28P01", "ES_CONFIGURATION"],
    ["3D000", "ES_CONFIGURATION"],
    ["40001", "ES_STORE_UNAVAILABLE"],
    ["40P01", "ES_STORE_UNAVAILABLE"],
    ["42501", "ES_CONFIGURATION"],
    ["42P01", "ES_STORE_FORMAT"],
    ["42703", "ES_STORE_FORMAT"],
    ["53100", "ES_STORE_UNAVAILABLE"],
    ["53200", "ES_STORE_UNAVAILABLE"],
    ["53300", "ES_STORE_UNAVAILABLE"],
    ["54000", "ES_APPEND_TOO_LARGE"],
    ["55P03", "ES_STORE_UNAVAILABLE"],
    ["57014", "ES_STORE_UNAVAILABLE"],
    ["57P01", "ES_STORE_UNAVAILABLE"],
    ["57P03", "ES_STORE_UNAVAILABLE"],
    ["P0001", "ES_CONFIGURATION"],
    ["XX000", "ES_STORE_UNAVAILABLE"],
    ["XX001", "ES_STORE_CORRUPT"],
  ])("maps SQLSTATE %s to %s and keeps the cause", (state, code) => {
    const cause = serverError(state);

    const error = toStoreError(cause, "testing");

    expect(error.code).toBe(code);
    expect(error.retryable).toBe(code === "ES_STORE_UNAVAILABLE");
    expect(error.cause).toBe(cause);
  });

  it.each([
    [networkError("ECONNREFUSED"), "ES_STORE_UNAVAILABLE"],
    [networkError("ENOTFOUND"), "ES_STORE_UNAVAILABLE"],
    [new Error("Connection terminated unexpectedly"), "ES_STORE_UNAVAILABLE"],
    [networkError("DEPTH_ZERO_SELF_SIGNED_CERT"), "ES_CONFIGURATION"],
    [networkError("ERR_TLS_CERT_ALTNAME_INVALID"), "ES_CONFIGURATION"],
    [new Error("The server does not support SSL connections"), "ES_CONFIGURATION"],
    [new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string"), "ES_CONFIGURATION"],
    ["not even an error", "ES_STORE_UNAVAILABLE"],
  ])("maps what does not come from the server: %s", (cause, code) => {
    expect(toStoreError(cause, "connecting").code).toBe(code);
  });

  it("passes errors of the toolkit unchanged", () => {
    const error = new ConfigurationError("wrong");

    expect(toStoreError(error, "testing")).toBe(error);
  });
});

describe("isConnectionLost", () => {
  it("holds for what ends the connection, and not for what only ends the statement", () => {
    expect(isConnectionLost(serverError("57P01", "FATAL"))).toBe(true);
    expect(isConnectionLost(serverError("XX000", "PANIC"))).toBe(true);
    expect(isConnectionLost(networkError("ECONNRESET"))).toBe(true);
    expect(isConnectionLost(serverError("23505"))).toBe(false);
    expect(isConnectionLost(serverError("57014"))).toBe(false);
    expect(isConnectionLost(new ConfigurationError("wrong"))).toBe(false);
  });
});

describe("isCollision", () => {
  it("holds for what another transaction brought about", () => {
    expect(["23505", "40001", "40P01", "23514"].map((code) => isCollision(serverError(code)))).toStrictEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});

describe("sqlStateOf", () => {
  it("takes only codes of the server", () => {
    expect(sqlStateOf(serverError("42P01"))).toBe("42P01");
    expect(sqlStateOf(networkError("EPIPE"))).toBeUndefined();
    expect(sqlStateOf("42P01")).toBeUndefined();
  });
});
