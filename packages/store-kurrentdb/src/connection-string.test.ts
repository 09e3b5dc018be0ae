import { ConfigurationError } from "@es/core";
import { describe, expect, it } from "vitest";
import { formatConnectionString, parseConnectionString } from "./connection-string.ts";

function normalised(text: string): string {
  return formatConnectionString(parseConnectionString(text));
}

describe("connection strings", () => {
  it.each([
    ["kurrentdb://localhost:2113?tls=false", "kurrentdb://localhost:2113?tls=false"],
    ["esdb://localhost", "kurrentdb://localhost"],
    ["kdb+discover://cluster.example.com/", "kurrentdb+discover://cluster.example.com"],
    ["kurrent://a:1,b:2,c?TLS=true&tls_verify-cert=false", "kurrentdb://a:1,b:2,c?tls=true&tlsverifycert=false"],
    [
      "kurrentdb://admin:p%40ss%25@host/?tlsCaFile=%2Fetc%2Fca.pem",
      "kurrentdb://admin:p%40ss%25@host?tlscafile=%2Fetc%2Fca.pem",
    ],
  ])("%s is given to the client as %s", (text, expected) => {
    expect(normalised(text)).toBe(expected);
  });

  it.each([
    ["http://localhost", "not a connection string"],
    ["kurrentdb://", "not a connection string"],
    ["kurrentdb://a,,b", "not a connection string"],
    ["kurrentdb://[::1]:2113", "in place of an IPv6 address"],
    ["kurrentdb://admin@host", "both user and password"],
    ["kurrentdb://admin:%zz@host", "encodes nothing"],
    ["kurrentdb://host?tls", "has no value"],
    ["kurrentdb://host?tls=true&TLS=false", "twice"],
    ["kurrentdb://host?tls=maybe", "it must be true or false"],
    ["kurrentdb://host?gossipTimeout=x", "it must be a whole number"],
    ["kurrentdb://host?nodePreference=follower", "events would be missed"],
    ["kurrentdb://host?throwOnAppendFailure=false", "leave it out"],
    ["kurrentdb://host?timeoutMs=1", "timeoutMs is an option of the KurrentDB event store; pass it beside"],
    ["kurrentdb://host?foo=1", 'unknown parameter "foo"'],
  ])("%s is refused: %s", (text, problem) => {
    expect(() => normalised(text)).toThrow(ConfigurationError);
    expect(() => normalised(text)).toThrow(problem);
  });

  it("are not repeated in errors", () => {
    for (const text of ["http://a:secret@host", "kurrentdb://a:secret@[::1]", "kurrentdb://a:secret@host?foo=1"]) {
      expect(() => normalised(text)).not.toThrow("secret");
    }
  });
});
