import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { collect, readLog, writeOf } from "test-helpers";
import { startNats } from "test-servers";
import { describe, expect, it } from "vitest";
import { type NatsEventStoreOptions, openFromUrl, openNatsEventStore } from "../src/index.ts";
import { createCertificates, createCredentials, createKeyDirectory, createNkey } from "./credentials.ts";

async function refused(options: NatsEventStoreOptions, code: string, message: RegExp): Promise<void> {
  const limited = { timeoutMs: 2_000, ...options };
  await expect(openNatsEventStore(limited)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
}

async function works(options: NatsEventStoreOptions): Promise<void> {
  await using store = await openNatsEventStore(options);
  const before = (await readLog(store)).length;
  await store.append(writeOf("a-1"));
  expect(await readLog(store)).toHaveLength(before + 1);
}

describe.each(["oldest", "newest"] as const)("the %s server", (version) => {
  it("is used over TLS, with and without a certificate of the client", async () => {
    await using keys = await createKeyDirectory();
    const { caFile, server: files, client } = await createCertificates(keys.path);
    const tls = `cert_file: "${files.certFile}", key_file: "${files.keyFile}"`;
    await using server = await startNats({ version, config: `tls { ${tls} }`, isPrivate: true });
    await using strict = await startNats({
      version,
      config: `tls { ${tls}, ca_file: "${caFile}", verify: true }`,
      isPrivate: true,
    });
    await using plain = await startNats({ version, isPrivate: true });

    await works({ servers: server.url, tls: { caFile } });
    await works({ servers: strict.url, tls: { caFile, ...client } });
    await using byUrl = await openFromUrl(
      `tls://127.0.0.1:${strict.port}/es?caFile=${caFile}&certFile=${client.certFile}&keyFile=${client.keyFile}`,
    );
    expect(await readLog(byUrl)).toHaveLength(1);

    await refused({ servers: server.url }, "ES_CONFIGURATION", /no encrypted connection.*certificate/);
    await refused({ servers: server.url, tls: {} }, "ES_CONFIGURATION", /no encrypted connection.*certificate/);
    await refused({ servers: strict.url, tls: { caFile } }, "ES_STORE_UNAVAILABLE", /set tls.certFile/);
    await refused(
      { servers: server.url, tls: { caFile: join(keys.path, "none") } },
      "ES_CONFIGURATION",
      /tls.caFile .*cannot be read/,
    );
    await refused({ servers: plain.url, tls: { caFile } }, "ES_CONFIGURATION", /no encrypted connection/);
  });

  it("is used with an nkey", async () => {
    const { seed: nkeySeed, publicKey } = createNkey();
    const config = `authorization { users: [{ nkey: ${publicKey} }] }`;
    await using server = await startNats({ version, config, isPrivate: true });

    await works({ servers: server.url, nkeySeed });
    await using byUrl = await openFromUrl(`${server.url}?nkeySeed=${nkeySeed}`);
    expect(await readLog(byUrl)).toHaveLength(1);
    await refused({ servers: server.url, nkeySeed: createNkey().seed }, "ES_CONFIGURATION", /refuses the credentials/);
  });

  it("is used with a credentials file", async () => {
    await using keys = await createKeyDirectory();
    const credentialsFile = join(keys.path, "app.creds");
    const { serverConfig: config } = await createCredentials(credentialsFile);
    await using server = await startNats({ version, config, isPrivate: true });

    await works({ servers: server.url, credentialsFile });
    await using byUrl = await openFromUrl(`${server.url}?credentialsFile=${credentialsFile}`);
    expect(await readLog(byUrl)).toHaveLength(1);

    const foreign = join(keys.path, "foreign.creds");
    await createCredentials(foreign);
    await refused({ servers: server.url, credentialsFile: foreign }, "ES_CONFIGURATION", /refuses the credentials/);
    await refused({ servers: server.url, credentialsFile: `${foreign}.none` }, "ES_CONFIGURATION", /cannot be read/);
    await writeFile(foreign, "nonsense");
    await refused({ servers: server.url, credentialsFile: foreign }, "ES_CONFIGURATION", /check the options/);
  });

  it("is used with a user and password, or with a token", async () => {
    const user = { user: "ada", password: "s&cret/ä" };
    const config = `authorization { user: ada, password: "${user.password}" }`;
    await using withUser = await startNats({ version, config, isPrivate: true });
    await works({ servers: withUser.url, ...user });
    await using byUrl = await openFromUrl(
      `nats://ada:${encodeURIComponent(user.password)}@127.0.0.1:${withUser.port}/es`,
    );
    expect(await readLog(byUrl)).toHaveLength(1);
    await refused({ servers: withUser.url }, "ES_CONFIGURATION", /refuses the credentials/);
    await refused({ servers: withUser.url, user: "ada", password: "x" }, "ES_CONFIGURATION", /refuses the credentials/);

    await using withToken = await startNats({ version, config: "authorization { token: t0ken }", isPrivate: true });
    await works({ servers: withToken.url, token: "t0ken" });
    await refused({ servers: withToken.url, token: "other" }, "ES_CONFIGURATION", /refuses the credentials/);
  });

  it("says at once that JetStream is off for the account", async () => {
    const config = "accounts { app { users: [{ user: ada, password: secret }] } }";
    await using server = await startNats({ version, config, isPrivate: true });

    const options = { servers: server.url, user: "ada", password: "secret" };
    await refused(options, "ES_CONFIGURATION", /JetStream is not enabled/);
  });

  it("says which right of those in the documentation is missing", async () => {
    const missing = {
      append: "es.>",
      registers: "$KV.es-registers.>",
      leader: "$JS.API.STREAM.MSG.GET.es-events",
      direct: "$JS.API.DIRECT.GET.es-events",
      create: "$JS.API.CONSUMER.CREATE.>",
      next: "$JS.API.CONSUMER.MSG.NEXT.>",
    };
    const users = Object.entries(missing).map(
      ([user, deny]) => `{ user: ${user}, password: p, permissions: { publish: { deny: ["${deny}"] } } }`,
    );
    const config = `authorization { users: [{ user: admin, password: p }, ${users.join(", ")}] }`;
    await using server = await startNats({ version, config, isPrivate: true });
    const open = (user: string) => openNatsEventStore({ servers: server.url, user, password: "p", timeoutMs: 3_000 });
    await using admin = await open("admin");
    for (let n = 0; n < 40; n += 1) await admin.append(writeOf("a-1"));
    const verdictOf = async (user: keyof typeof missing): Promise<unknown> => {
      await using store = await open(user);
      return await Promise.all([
        store.append(writeOf("a-1")),
        store.registers.set("k", "v"),
        store.head(),
        collect(store.readStream("a-1", { direction: "backward" })),
        collect(store.readStream("a-1")),
        readLog(store),
        store
          .readAll({ filter: { categories: ["a", "b"] } })
          [Symbol.asyncIterator]()
          .next(),
      ]).catch((error: unknown) => error);
    };

    for (const user of ["append", "registers", "leader", "direct", "create", "next"] as const) {
      expect(await verdictOf(user), user).toMatchObject({
        code: "ES_CONFIGURATION",
        message: expect.stringMatching(/may not do that.*the documentation of the store lists/),
      });
    }
  }, 30_000);
});
