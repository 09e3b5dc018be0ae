import { randomUUID } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isEventSourcingError, openEventStore } from "@es/core";
import { KurrentDBClient, jsonEvent } from "@kurrent/kurrentdb-client";
import { startKurrentDouble } from "kurrentdb-double";
import { writeOf } from "test-helpers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openFromUrl, openKurrentDbEventStore } from "../src/index.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    return isEventSourcingError(error) ? `${error.code}: ${error.message}` : String(error);
  }
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("opening", () => {
  it("refuses wrong options, naming them", async () => {
    const connectionString = "kurrentdb://localhost?tls=false";
    for (const [options, problem] of [
      [{ name: "a.b" }, "option name"],
      [{ timeoutMs: 0 }, "option timeoutMs"],
      [{ pollIntervalMs: 1.5 }, "option pollIntervalMs"],
      [{ maxAppendBytes: -1 }, "option maxAppendBytes"],
      [{ user: "ada" }, "user and password together"],
      [{ rootCertificates: "" }, "option rootCertificates"],
      [{ rootCertificates: "/no/such/file.pem" }, "cannot be read"],
      [{ connectionString: "localhost" }, "not a connection string"],
    ] as const) {
      const failure = await failureOf(openKurrentDbEventStore({ connectionString, ...options }));
      expect(failure).toContain("ES_CONFIGURATION");
      expect(failure).toContain(problem);
    }
  });

  it("refuses a file that holds no certificate, and a path in the connection string that leads nowhere", async () => {
    const path = join(tmpdir(), `${randomUUID()}.txt`);
    await writeFile(path, "hello");
    const connectionString = "kurrentdb://localhost?tlsCaFile=/no/such.pem";

    expect(await failureOf(openKurrentDbEventStore({ connectionString, rootCertificates: path }))).toContain(
      "holds no certificate",
    );
    expect(await failureOf(openKurrentDbEventStore({ connectionString }))).toContain("check the paths of certificates");
  });

  it("takes certificates as text, and takes its copy away again when they are refused", async () => {
    const copies = async () => (await readdir(tmpdir())).filter((name) => name.startsWith("es-kurrentdb-"));
    const before = await copies();
    const connectionString = "kurrentdb://localhost";

    const failure = await failureOf(openKurrentDbEventStore({ connectionString, rootCertificates: PEM }));

    expect(failure).toMatch(/^ES_CONFIGURATION: the KurrentDB client refuses .*certificate/);
    expect(await copies()).toStrictEqual(before);
  });

  it("says where no server answers, and what to look at", async () => {
    const connectionString = "kurrentdb://127.0.0.1:1?tls=false";

    const failure = await failureOf(openKurrentDbEventStore({ connectionString, timeoutMs: 500 }));

    expect(failure).toContain("ES_STORE_UNAVAILABLE: no KurrentDB server answers at 127.0.0.1:1");
    expect(failure).toContain("with TLS leave tls=false out");
  });

  it("says that credentials or rights are wrong", async () => {
    await using double = await startKurrentDouble();
    const { connectionString } = double;
    for (const on of ["read", "append", "methods"] as const) {
      const fault = double.misbehave({ on, how: "deny" });
      const failure = await failureOf(openKurrentDbEventStore({ connectionString }));
      expect(failure, on).toContain("ES_CONFIGURATION");
      expect(failure, on).toContain("check user and password");
      fault.stop();
    }
  });

  it("takes user and password, also with characters that mean something in a connection string", async () => {
    await using double = await startKurrentDouble();
    const { connectionString } = double;

    await using store = await openKurrentDbEventStore({ connectionString, user: "a@b:c", password: "p%/?#" });

    expect((await store.append(writeOf("a-1"))).versions).toStrictEqual([1]);
  });

  it("by address takes the options of the store, and none that it does not know", async () => {
    await using double = await startKurrentDouble();
    const { connectionString } = double;

    await using store = await openEventStore(`${connectionString}&name=shop&timeoutMs=3000`, { from: import.meta.url });
    await store.append(writeOf("a-1"));

    expect(double.log.some(({ streamName }) => streamName === "shop.a-1")).toBe(true);
    expect(await failureOf(openFromUrl(`${connectionString}&timeoutMs=soon`))).toContain("parameter timeoutMs");
    expect(await failureOf(openFromUrl(`${connectionString}&color=red`))).toContain('unknown parameter "color"');
    expect(await failureOf(openFromUrl(`${connectionString}&nodePreference=follower`))).toContain("leader alone");
  });

  it("by address looks for the connection string and the certificates in the environment", async () => {
    await using double = await startKurrentDouble();
    expect(await failureOf(openFromUrl("kurrentdb:"))).toContain("set KURRENTDB_URI");
    vi.stubEnv("KURRENTDB_URI", double.connectionString);

    await using store = await openFromUrl("kurrentdb://");
    expect((await store.append(writeOf("a-1"))).versions).toStrictEqual([1]);

    vi.stubEnv("KURRENTDB_ROOT_CERTIFICATES", "/no/such/file.pem");
    expect(await failureOf(openFromUrl("kurrentdb:"))).toContain("/no/such/file.pem");
  });

  it("is refused on a store of a newer format, and on a stream that something else wrote", async () => {
    await using double = await startKurrentDouble();
    const { connectionString } = double;
    const client = KurrentDBClient.connectionString(connectionString);
    await client.appendToStream("es:store:newer", jsonEvent({ type: "x", data: { format: 2, identity: "i" } }));
    await client.appendToStream("es:store:other", jsonEvent({ type: "x", data: { hello: 1 } }));
    await client.dispose();

    const newer = await failureOf(openKurrentDbEventStore({ connectionString, name: "newer" }));
    const other = await failureOf(openKurrentDbEventStore({ connectionString, name: "other" }));

    expect(newer).toContain("ES_STORE_FORMAT: the event store has format 2");
    expect(other).toContain("ES_STORE_FORMAT: the stream es:store:other was not written by");
  });

  it("at once by several processes makes one store", async () => {
    await using double = await startKurrentDouble();
    const { connectionString } = double;

    const stores = await Promise.all([1, 2, 3, 4].map(() => openKurrentDbEventStore({ connectionString })));
    const identities = await Promise.all(stores.map((store) => store.identity()));
    for (const store of stores) await store[Symbol.asyncDispose]();

    expect(new Set(identities).size).toBe(1);
  });
});

describe("what a server takes", () => {
  it("is counted before it is sent, and the server's own limit is told as well", async () => {
    await using double = await startKurrentDouble();
    const { connectionString } = double;
    await using store = await openKurrentDbEventStore({ connectionString, maxAppendBytes: 2_000 });
    const large = { streamId: "a-1", expected: "any", events: [{ type: "T", data: "x".repeat(1_500) }] } as const;
    double.limitSizes({ appendBytes: 1_000 });

    const tooLarge = await failureOf(store.append({ ...large, events: [{ type: "T", data: "x".repeat(2_500) }] }));
    expect(tooLarge).toMatch(/^ES_APPEND_TOO_LARGE: the append has \d+ bytes, the store takes 2000 at once/);
    expect(await failureOf(store.append(large))).toMatch(/^ES_APPEND_TOO_LARGE: .* the store takes 1000 at once/);
    expect(await failureOf(store.append([large, writeOf("b-1")]))).toContain("ES_APPEND_TOO_LARGE");
    double.behave();
    double.limitSizes({ eventBytes: 1_000 });
    expect(await failureOf(store.append(large))).toMatch(
      /^ES_CONFIGURATION: an event is larger than .*; make it smaller/,
    );
    expect(await failureOf(store.append([large, writeOf("b-1")]))).toContain("ES_APPEND_TOO_LARGE");

    expect(await store.head()).toBe("");
  });

  it("is said on a server without appends to several streams", async () => {
    await using double = await startKurrentDouble({ personality: "24.10" });
    await using store = await openKurrentDbEventStore({ connectionString: double.connectionString });

    expect(store.capabilities).toMatchObject({ atomicStreams: 1, conditions: "none" });
    expect(await failureOf(store.append([writeOf("a-1"), writeOf("b-1")]))).toContain("several need KurrentDB 25.1");
    const checked = store.append(writeOf("a-1"), { ifStreams: [{ streamId: "b-1", expected: "no-stream" }] });
    expect(await failureOf(checked)).toContain("KurrentDB 26.1");
  });

  it("is found out on a server that takes several streams and checks of none", async () => {
    await using double = await startKurrentDouble({ features: { appendRecords: false } });
    await using store = await openKurrentDbEventStore({ connectionString: double.connectionString });

    expect(store.capabilities).toMatchObject({ atomicStreams: Number.POSITIVE_INFINITY, conditions: "none" });
  });

  it("works the same without the server's appends in batches", async () => {
    await using double = await startKurrentDouble({ features: { batchAppend: false } });
    await using store = await openKurrentDbEventStore({ connectionString: double.connectionString });
    const write = writeOf("a-1", "no-stream", 2);

    expect(await store.append(write)).toMatchObject({ versions: [2], duplicate: false });
    expect(await store.append(write)).toMatchObject({ versions: [2], duplicate: true });
    expect(await failureOf(store.append(writeOf("a-1", 5)))).toContain("expected version 5, but it is at version 2");
  });
});
