import { describe, expect, it } from "vitest";
import { openFromUrl, parseNatsUrl } from "./open-from-url.ts";

describe("an address of the NATS store", () => {
  it.each([
    ["nats://localhost:4222", { servers: ["localhost:4222"] }],
    ["nats://a,b:4333,[::1]:4222/shop", { servers: ["a", "b:4333", "[::1]:4222"], name: "shop" }],
    ["nats://ada:p%40ss%3A@host/", { servers: ["host"], user: "ada", password: "p@ss:" }],
    ["nats://s3cret@host", { servers: ["host"], token: "s3cret" }],
    ["tls://host", { servers: ["host"], tls: {} }],
    [
      "nats://host?caFile=/ca.pem&certFile=/c.pem&keyFile=/k.pem",
      {
        servers: ["host"],
        tls: { caFile: "/ca.pem", certFile: "/c.pem", keyFile: "/k.pem" },
      },
    ],
    [
      "nats://host?replicas=3&storage=memory&createStreams=false&domain=hub&timeoutMs=250&pollIntervalMs=5&credentialsFile=/a.creds&connectionName=me",
      {
        servers: ["host"],
        replicas: 3,
        storage: "memory",
        createStreams: false,
        domain: "hub",
        timeoutMs: 250,
        pollIntervalMs: 5,
        credentialsFile: "/a.creds",
        connectionName: "me",
      },
    ],
  ])("%s means its servers and options", (url, options) => {
    expect(parseNatsUrl(url)).toStrictEqual(options);
  });

  it.each([
    ["postgres://localhost/db", "not an address"],
    ["nats:localhost", "not an address"],
    ["nats://", "not an address"],
    ["nats://a,,b", "not an address"],
    ["nats://ada:50%@host", "%25"],
    ["nats://host?sync=1", `unknown parameter "sync"`],
    ["nats://host?replicas=many", "parameter replicas"],
    ["nats://host?storage=disk", "parameter storage"],
    ["nats://host?createStreams=no", "parameter createStreams"],
    ["nats://host?timeoutMs=soon", "parameter timeoutMs"],
    ["nats://host?domain=a&domain=b", "twice"],
    ["nats://host/shop.eu", "option name"],
    ["nats://host?replicas=9", "option replicas"],
    ["nats://s3cret@host?credentialsFile=/a.creds", "only one of"],
    ["nats://host?credentialsFile=/no/such.creds", "cannot be read"],
  ])("%s is refused: %s", async (url, message) => {
    await expect(openFromUrl(url)).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining(message),
    });
  });

  it("does not show the password in errors", async () => {
    for (const url of [
      "nats://ada:s3cret@host?x=1",
      "nats://ada:s3cret@",
      "nats://ada:s3cret@127.0.0.1:1?timeoutMs=200",
    ]) {
      const error = await openFromUrl(url).catch((caught: unknown) => caught);
      expect(String(error)).toMatch(/ConfigurationError|StoreUnavailableError/);
      expect(String(error)).not.toContain("s3cret");
    }
  });
});
