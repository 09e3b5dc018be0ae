import { AccessDeniedError, UnavailableError } from "@kurrent/kurrentdb-client";
import { type KurrentDouble, startKurrentDouble } from "kurrentdb-double";
import { describe, expect, it } from "vitest";
import { collect, connect, numbered, received, revisions } from "./client.ts";

const isAnn = (authorization: string | undefined) => authorization === `Basic ${btoa("ann:secret")}`;

describe("a double with TLS", () => {
  it("serves clients that trust its root certificate", async () => {
    await using double = await startKurrentDouble({ tls: true });
    await using connection = connect(double);
    const { client } = connection;

    await client.appendToStream("s", numbered(2));
    const subscription = client.subscribeToStream("s");
    await received(subscription).count(2);
    await subscription.unsubscribe();

    expect(revisions(await collect(client.readStream("s")))).toEqual([0n, 1n]);
  });

  it("serves no client that does not trust it, or comes without TLS", async () => {
    await using double = await startKurrentDouble({ tls: true });
    for (const query of ["tls=true", "tls=false"]) {
      const options = `${query}&maxDiscoverAttempts=1&discoveryInterval=1`;
      await using connection = connect({ connectionString: `kurrentdb://127.0.0.1:${double.port}?${options}` });
      const { client } = connection;

      await expect(collect(client.readStream("s"))).rejects.toThrow(UnavailableError);
      await expect(client.appendToStream("s", numbered(1))).rejects.toThrow();
    }
    expect(double.log).toHaveLength(1);
  });

  it("drops and freezes its connections like others", async () => {
    await using double = await startKurrentDouble({ tls: true });
    await using connection = connect(double);
    const { client } = connection;
    await client.appendToStream("s", numbered(1));
    double.misbehave({ on: "append", how: "drop", moment: "after", times: 1 });

    await expect(client.appendToStream("s", numbered(1))).rejects.toThrow();
    await client.appendToStream("s", numbered(1));

    expect(revisions(await collect(client.readStream("s")))).toEqual([0n, 1n, 2n]);
  });
});

describe("a double that asks who is there", () => {
  it.each([true, false])("serves those who may call, in the connection string and per call (%s)", async (inString) => {
    await using double = await startKurrentDouble({ tls: true, authorize: isAnn });
    await using connection = connect(inString ? as(double, "ann:secret") : double);
    const { client } = connection;
    const credentials = inString ? {} : { credentials: { username: "ann", password: "secret" } };

    await client.appendToStream("s", numbered(1), credentials);
    const subscription = client.subscribeToStream("s", credentials);
    await received(subscription).count(1);
    await subscription.unsubscribe();

    expect(revisions(await collect(client.readStream("s", credentials)))).toEqual([0n]);
  });

  it("asks again for each call, so that tokens can change", async () => {
    let token = "first";
    await using double = await startKurrentDouble({ tls: true, authorize: (given) => given === `Bearer ${token}` });
    await using connection = connect(double);
    const { client } = connection;
    client.setCredentialsProvider(async () => ({ bearerToken: token }));
    await client.appendToStream("s", numbered(1));

    token = "second";
    await client.appendToStream("s", numbered(1));

    expect(revisions(await collect(client.readStream("s")))).toEqual([0n, 1n]);
  });

  it("denies those who do not say, and those whom it does not know", async () => {
    await using double = await startKurrentDouble({ tls: true, authorize: isAnn });
    for (const unwelcome of [double, as(double, "ann:wrong")]) {
      await using connection = connect(unwelcome);
      const { client } = connection;

      await expect(collect(client.readStream("s"))).rejects.toThrow(AccessDeniedError);
      await expect(client.appendToStream("s", numbered(1))).rejects.toThrow(AccessDeniedError);
      await expect(received(client.subscribeToStream("s")).ended).rejects.toThrow(AccessDeniedError);
    }
    await using nobody = connect(double);
    await using stranger = connect(as(double, "ann:wrong"));
    await expect(nobody.client.deleteStream("s")).rejects.toThrow("Access Denied");
    await expect(stranger.client.deleteStream("s")).rejects.toThrow("Authentication Failed");
    expect(double.log).toHaveLength(1);
  });

  it("must use TLS, without which the client does not send credentials", async () => {
    await expect(startKurrentDouble({ authorize: isAnn })).rejects.toThrow("tls: true");
  });
});

function as({ connectionString }: KurrentDouble, user: string): { readonly connectionString: string } {
  return { connectionString: connectionString.replace("://", `://${user}@`) };
}
