import { execFile } from "node:child_process";
import { chown, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { readLog, writeOf } from "test-helpers";
import { type PostgresServer, startPostgres } from "test-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgresEventStore } from "../src/index.ts";

let server: PostgresServer;
let directory: string;

beforeAll(async () => {
  server = await startPostgres({ isPrivate: true });
  directory = await mkdtemp(join(tmpdir(), "es-tls-"));
  await makeAuthority("ca");
  await makeAuthority("other");
  await useCertificate();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];

async function openssl(args: readonly string[]): Promise<void> {
  await promisify(execFile)("openssl", args, { cwd: directory });
}

async function makeAuthority(name: string): Promise<void> {
  await openssl(["req", "-x509", ...CURVE, "-keyout", `${name}.key`, "-out", `${name}.crt`, "-subj", `/CN=${name}`]);
}

/** Gives the server a certificate for `localhost`, not for its number, and turns TLS on. */
async function useCertificate(): Promise<void> {
  const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "subjectAltName=DNS:localhost"];
  await openssl([
    "req",
    "-x509",
    ...CURVE,
    ...signed,
    "-keyout",
    "server.key",
    "-out",
    "server.crt",
    "-subj",
    "/CN=db",
  ]);
  const { uid, gid } = await stat(server.dataDirectory);
  for (const name of ["server.key", "server.crt"]) {
    const path = join(server.dataDirectory, name);
    await writeFile(path, await readFile(join(directory, name)), { mode: 0o600 });
    await chown(path, uid, gid);
  }
  await ask("ALTER SYSTEM SET ssl = on");
  await ask("SELECT pg_reload_conf()");
  while ((await ask("SHOW ssl"))[0]?.[0] !== "on") await sleep(10);
}

async function ask(sql: string): Promise<readonly unknown[][]> {
  const client = new pg.Client({ connectionString: server.url, ssl: false });
  await client.connect();
  try {
    return (await client.query<unknown[]>({ text: sql, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}

/** The address with a host name and parameters. */
function addressOf(host: string, parameters: Readonly<Record<string, string>> = {}): string {
  const url = new URL(server.url);
  url.hostname = host;
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

describe("TLS", () => {
  it("protects all connections of a store when the address asks for it", async () => {
    const parameters = { sslmode: "verify-full", sslrootcert: join(directory, "ca.crt") };
    await using store = await openPostgresEventStore({ url: addressOf("localhost", parameters), schema: "by_url" });
    const live = store.readAll({ live: true })[Symbol.asyncIterator]();
    await live.next();

    await store.append(writeOf("a-1", 0));
    await store.transaction(async (tx) => {
      await store.append(writeOf("a-1", 1), { tx });
    });
    expect((await live.next()).value).toHaveProperty("events[0].streamId", "a-1");

    const secured =
      "SELECT ssl, count(*)::int > 3 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'event-store' GROUP BY ssl";
    expect(await ask(secured)).toStrictEqual([[true, true]]);
    await live.return?.();
  });

  it("is taken from the settings of a connection", async () => {
    const ca = await readFile(join(directory, "ca.crt"), "utf8");
    const connection = { connectionString: addressOf("localhost"), ssl: { ca } };
    await using store = await openPostgresEventStore({ connection, schema: "by_settings" });

    await store.append(writeOf("a-1", 0));

    expect(await readLog(store)).toHaveLength(1);
  });

  it("refuses a server whose certificate another authority has signed, or none that is known", async () => {
    const told = { code: "ES_CONFIGURATION", message: expect.stringContaining("cannot be secured") };
    const parameters = { sslmode: "verify-full", sslrootcert: join(directory, "other.crt") };

    await expect(openPostgresEventStore({ url: addressOf("localhost", parameters) })).rejects.toMatchObject(told);
    await expect(
      openPostgresEventStore({ url: addressOf("localhost", { sslmode: "verify-full" }) }),
    ).rejects.toMatchObject(told);
  });

  it("refuses a server whose certificate is for another name", async () => {
    const parameters = { sslmode: "verify-full", sslrootcert: join(directory, "ca.crt") };

    await expect(openPostgresEventStore({ url: addressOf("127.0.0.1", parameters) })).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("cannot be secured"),
    });
  });

  it("is named when the server insists on it and the store does without", async () => {
    await ask("CREATE ROLE secured LOGIN");
    const path = join(server.dataDirectory, "pg_hba.conf");
    await writeFile(path, `hostnossl all secured all reject\n${await readFile(path, "utf8")}`);
    await ask("SELECT pg_reload_conf()");
    const url = new URL(addressOf("localhost"));
    url.username = "secured";
    await expect
      .poll(async () => openPostgresEventStore({ url: url.href }).catch((error: unknown) => error))
      .toMatchObject({ code: "ES_CONFIGURATION", message: expect.stringContaining("TLS") });
  });
});
