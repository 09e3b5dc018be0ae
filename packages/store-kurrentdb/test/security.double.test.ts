import { readFileSync } from "node:fs";
import { isEventSourcingError, openEventStore, type RecordedEvent } from "@es/core";
import { type Access, CERTIFICATES, type KurrentDoubleOptions, startKurrentDouble } from "kurrentdb-double";
import { Child, collect, readLog, writeOf } from "test-helpers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type KurrentDbEventStoreOptions, openKurrentDbEventStore } from "../src/index.ts";

const TIMEOUT_MS = 3_000;
const ROOT = encodeURIComponent(CERTIFICATES.root);
const REFUSED_USER = /^ES_CONFIGURATION: .*check user and password/;

interface Reach {
  readonly address: string;
}

const asAnn = `Basic ${btoa("ann:secret")}`;

/** How opening ends, which must be within its limit. */
async function outcomeOf(options: KurrentDbEventStoreOptions): Promise<string> {
  const begun = performance.now();
  const outcome = await failureOf(async () => {
    await using store = await openKurrentDbEventStore({ timeoutMs: TIMEOUT_MS, ...options });
    const write = writeOf("a-1", 0);
    await store.append(write);
    await store.append([writeOf("b-1"), writeOf("c-1")]);
    expect((await collect(store.readStream("a-1"))).map(({ id }) => id)).toStrictEqual([write.events[0]?.id]);
    expect(await readLog(store)).toHaveLength(3);
  });
  expect(performance.now() - begun).toBeLessThan(TIMEOUT_MS + 6_000);
  return outcome;
}

async function failureOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "done";
  } catch (error) {
    return isEventSourcingError(error) ? `${error.code}: ${error.message}` : String(error);
  }
}

/** Starts one with TLS, and says how to reach it without the certificate to trust. */
async function startSecured(options: KurrentDoubleOptions = {}) {
  const double = await startKurrentDouble({ tls: true, ...options });
  return { double, address: `127.0.0.1:${double.port}`, [Symbol.asyncDispose]: () => double[Symbol.asyncDispose]() };
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("a server with TLS", () => {
  it.each([
    ["tlsCaFile", ({ address }: Reach) => ({ connectionString: `kurrentdb://${address}?tlsCaFile=${ROOT}` })],
    [
      "the path of a file",
      ({ address }: Reach) => ({ connectionString: `kurrentdb://${address}`, rootCertificates: CERTIFICATES.root }),
    ],
    [
      "the text of a file",
      ({ address }: Reach) => ({
        connectionString: `kurrentdb://${address}`,
        rootCertificates: readFileSync(CERTIFICATES.root, "utf8"),
      }),
    ],
    [
      "nothing, where it need not be trusted",
      ({ address }: Reach) => ({ connectionString: `kurrentdb://${address}?tlsVerifyCert=false` }),
    ],
  ])("is trusted by %s", async (_, optionsFor) => {
    await using secured = await startSecured();

    expect(await outcomeOf(optionsFor(secured))).toBe("done");
  });

  it.each(["file", "text"])("is trusted by the environment, which holds a %s", async (form) => {
    await using secured = await startSecured();
    const held = form === "file" ? CERTIFICATES.root : readFileSync(CERTIFICATES.root, "utf8");
    vi.stubEnv("KURRENTDB_ROOT_CERTIFICATES", held);

    await using store = await openEventStore(`kurrentdb://${secured.address}?timeoutMs=2000`, {
      from: import.meta.url,
    });

    expect((await store.append(writeOf("a-1", 0))).versions).toStrictEqual([1]);
    expect(await readLog(store)).toHaveLength(1);
  });

  it.each([
    [
      "no authority that is known",
      ({ address }: Reach) => ({ connectionString: `kurrentdb://${address}` }),
      "rootCertificates",
    ],
    [
      "another authority",
      ({ address }: Reach) => ({
        connectionString: `kurrentdb://${address}`,
        rootCertificates: CERTIFICATES.otherRoot,
      }),
      "rootCertificates",
    ],
  ])("is refused when %s vouches for it, which says what to give", async (_, optionsFor, advice) => {
    await using secured = await startSecured();

    const outcome = await outcomeOf(optionsFor(secured));

    expect(outcome).toMatch(/^ES_CONFIGURATION: .*cannot be secured: .*certificate.*; give the certificate/);
    expect(outcome).toContain(advice);
    expect(secured.double.log).toHaveLength(1);
  });

  it("is refused when its certificate is for another host, unless it need not be verified", async () => {
    await using secured = await startSecured({ tls: { certificateFor: "elsewhere" } });
    const { connectionString } = secured.double;

    expect(await outcomeOf({ connectionString })).toMatch(
      /^ES_CONFIGURATION: .*altnames.*; connect by a name or address that the server's certificate is for/,
    );
    expect(secured.double.log).toHaveLength(1);
    expect(await outcomeOf({ connectionString: `${connectionString}&tlsVerifyCert=false` })).toBe("done");
  });

  it("that asks for the certificate of a user gets it, and says that it is missing", async () => {
    await using secured = await startSecured({ tls: { needsUserCertificate: true } });
    const { connectionString } = secured.double;
    const certificate = `userCertFile=${encodeURIComponent(CERTIFICATES.user)}`;
    const key = `userKeyFile=${encodeURIComponent(CERTIFICATES.userKey)}`;

    expect(await outcomeOf({ connectionString })).toMatch(/^ES_CONFIGURATION: .*give its file as userCertFile/);
    expect(await outcomeOf({ connectionString: `${connectionString}&${certificate}` })).toMatch(
      /^ES_CONFIGURATION: .*userCertFile must be given with accompanying userKeyFile/,
    );
    expect(secured.double.log).toHaveLength(1);
    expect(await outcomeOf({ connectionString: `${connectionString}&${certificate}&${key}` })).toBe("done");
  });

  it("is not reached without TLS, nor is one without by it, and each says so", async () => {
    await using secured = await startSecured();
    await using plain = await startKurrentDouble();

    expect(await outcomeOf({ connectionString: `kurrentdb://${secured.address}?tls=false` })).toMatch(
      /^ES_STORE_UNAVAILABLE: no KurrentDB server answers at .*; with TLS leave tls=false out$/,
    );
    expect(await outcomeOf({ connectionString: `kurrentdb://127.0.0.1:${plain.port}` })).toMatch(
      /^ES_CONFIGURATION: .*the server there has no TLS: add tls=false/,
    );
    expect([secured.double.log, plain.log].map(({ length }) => length)).toStrictEqual([1, 1]);
  });

  it("can be left by a process that could not get in", async () => {
    await using secured = await startSecured();

    for (const connectionString of [`kurrentdb://${secured.address}`, secured.double.connectionString]) {
      const isTrusted = connectionString.includes("tlsCaFile");
      await using child = new Child(new URL("child/open.ts", import.meta.url), {
        connectionString,
        timeoutMs: isTrusted ? 10_000 : 800,
      });
      await child.done;
      expect(child.lines).toStrictEqual([isTrusted ? "opened" : "ES_CONFIGURATION"]);
    }
  }, 30_000);
});

describe("user and password", () => {
  it.each<readonly [string, (connectionString: string) => KurrentDbEventStoreOptions, RegExp]>([
    [
      "those that it knows, as options",
      (connectionString) => ({ connectionString, user: "ann", password: "secret" }),
      /^done$/,
    ],
    ["those that it knows, in the string", (text) => ({ connectionString: withUser(text, "ann:secret") }), /^done$/],
    ["a wrong password", (text) => ({ connectionString: withUser(text, "ann:wrong") }), REFUSED_USER],
    ["a wrong user", (connectionString) => ({ connectionString, user: "bob", password: "secret" }), REFUSED_USER],
    ["none", (connectionString) => ({ connectionString }), REFUSED_USER],
  ])("a server that gets %s says so", async (_, optionsFor, outcome) => {
    await using secured = await startSecured({ authorize: (given) => given === asAnn });

    expect(await outcomeOf(optionsFor(secured.double.connectionString))).toMatch(outcome);
    expect(secured.double.log.filter(({ streamName }) => streamName === "a-1")).toHaveLength(
      outcome.test("done") ? 1 : 0,
    );
  });

  it("that become wrong later end calls at once, and work again when they are right", async () => {
    let password = "secret";
    await using secured = await startSecured({ authorize: (given) => given === `Basic ${btoa(`ann:${password}`)}` });
    const { connectionString } = secured.double;
    await using store = await openKurrentDbEventStore({ connectionString, user: "ann", password: "secret" });
    await store.append(writeOf("a-1", 0));

    password = "another";
    for (const work of [() => store.head(), () => store.append(writeOf("a-1", 1)), () => store.registers.get("k")]) {
      expect(await failureOf(work)).toMatch(REFUSED_USER);
    }
    password = "secret";

    expect((await store.append(writeOf("a-1", 1))).versions).toStrictEqual([2]);
    expect(await readLog(store)).toHaveLength(2);
  });
});

describe("rights", () => {
  async function openRestricted() {
    const rights: { permit: (access: Access) => boolean } = { permit: () => true };
    const double = await startKurrentDouble({ permit: (access) => rights.permit(access) });
    const store = await openKurrentDbEventStore({ connectionString: double.connectionString, timeoutMs: TIMEOUT_MS });
    return {
      rights,
      double,
      store,
      async [Symbol.asyncDispose]() {
        await store[Symbol.asyncDispose]();
        await double[Symbol.asyncDispose]();
      },
    };
  }

  it("that a stream does not give end the calls about it, which name it, and no others", async () => {
    await using restricted = await openRestricted();
    const { rights, store, double } = restricted;
    rights.permit = ({ stream }) => stream !== "secret-1";
    const ifStreams = [{ streamId: "secret-1", expected: 0 }] as const;

    for (const work of [
      () => store.append(writeOf("secret-1", 0)),
      () => store.append(writeOf("secret-1", "any")),
      () => store.append([writeOf("a-1", 0), writeOf("secret-1", 0)]),
      () => collect(store.readStream("secret-1")),
    ]) {
      expect(await failureOf(work)).toMatch(/^ES_CONFIGURATION: .*"secret-1".*give the user the rights/);
    }
    expect(await failureOf(() => store.append(writeOf("a-1", 0), { ifStreams }))).toMatch(
      /^ES_CONFIGURATION: .*rights/,
    );
    expect(double.log.some(({ streamName }) => ["secret-1", "a-1"].includes(streamName))).toBe(false);

    expect((await store.append(writeOf("a-1", 0))).versions).toStrictEqual([1]);
    expect((await store.append([writeOf("a-1", 1), writeOf("b-1", 0)])).versions).toStrictEqual([2, 1]);
  });

  it("to read that are missing, while those to append are there, are told by the reads", async () => {
    await using restricted = await openRestricted();
    const { rights, store } = restricted;
    rights.permit = ({ operation, stream }) => operation === "append" || stream !== "a-1";

    expect((await store.append(writeOf("a-1", 0))).versions).toStrictEqual([1]);
    expect((await store.append(writeOf("a-1", 1))).versions).toStrictEqual([2]);
    expect(await failureOf(() => store.append(writeOf("a-1", "any")))).toMatch(/^ES_CONFIGURATION: .*rights/);
    expect(await failureOf(() => store.append(writeOf("a-1", 0)))).toMatch(/^ES_CONFIGURATION: .*rights/);
    rights.permit = () => true;
    expect(await readLog(store)).toHaveLength(2);
  });

  it("to the log that are missing end what needs it, and opening", async () => {
    await using restricted = await openRestricted();
    const { rights, store, double } = restricted;
    rights.permit = ({ stream }) => stream !== "$all";

    for (const work of [
      () => store.head(),
      () => readLog(store),
      () => collectKeys(store.registers.keys("")),
      async () => {
        for await (const _ of store.readAll({ live: true }));
      },
      () => openKurrentDbEventStore({ connectionString: double.connectionString }),
    ]) {
      expect(await failureOf(work)).toMatch(/^ES_CONFIGURATION: .*rights/);
    }
    expect((await store.append(writeOf("a-1", 0))).versions).toStrictEqual([1]);
  });

  it("to subscribe that are missing slow a live read down, and no more", async () => {
    await using restricted = await openRestricted();
    const { rights, double } = restricted;
    rights.permit = ({ operation }) => operation !== "subscribe";
    const { connectionString } = double;
    await using reader = await openKurrentDbEventStore({ connectionString, pollIntervalMs: 50 });
    const abort = new AbortController();
    const seen: RecordedEvent[] = [];
    const reading = failureOf(async () => {
      for await (const { events } of reader.readAll({ live: true, signal: abort.signal })) seen.push(...events);
    });

    for (let n = 0; n < 5; n += 1) await restricted.store.append(writeOf("a-1", n));
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(5);
    abort.abort();

    expect(await reading).toMatch(/^ES_ABORTED/);
    expect(seen.map(({ version }) => version)).toStrictEqual([1, 2, 3, 4, 5]);
  });

  it("to registers that are missing are told, and leave them as they were", async () => {
    await using restricted = await openRestricted();
    const { rights, store } = restricted;
    await store.registers.set("k", "old");
    for (const prefix of ["es:register", "$$es:register"]) {
      rights.permit = ({ operation, stream }) => operation !== "append" || !stream.startsWith(prefix);
      expect(await failureOf(() => store.registers.set("new", "v"))).toMatch(/^ES_CONFIGURATION: .*register "new"/);
    }
    rights.permit = ({ operation }) => operation !== "append";
    expect(await failureOf(() => store.registers.set("k", "v"))).toMatch(/^ES_CONFIGURATION: .*register "k"/);
    expect(await failureOf(() => store.registers.delete("k"))).toMatch(/^ES_CONFIGURATION: .*register "k"/);
    rights.permit = () => true;

    expect(await store.registers.get("k")).toMatchObject({ value: "old" });
    expect(await store.registers.set("new", "v", { expected: 0 })).toBe(1);
  });
});

function withUser(connectionString: string, user: string): string {
  return connectionString.replace("://", `://${user}@`);
}

async function collectKeys(keys: AsyncIterable<string>): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const key of keys) all.push(key);
  return all;
}
