import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { nkeys } from "@nats-io/transport-node";

/** A directory for keys and certificates, which a server of another user may read. */
export async function createKeyDirectory(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "es-nats-keys-"));
  await chmod(path, 0o755);
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true, force: true }) };
}

/** Files of certificates for one authority, the server on 127.0.0.1, and a client. */
export interface Certificates {
  readonly caFile: string;
  readonly server: { readonly certFile: string; readonly keyFile: string };
  readonly client: { readonly certFile: string; readonly keyFile: string };
}

/** Makes certificates with the program openssl, which must be on the PATH. */
export async function createCertificates(directory: string): Promise<Certificates> {
  const file = (name: string): string => join(directory, name);
  const openssl = async (...args: string[]): Promise<void> => {
    await promisify(execFile)("openssl", args);
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  await openssl("req", "-x509", ...newKey, "-subj", "/CN=test", "-keyout", file("ca.key"), "-out", file("ca.pem"));
  const authority = ["-CA", file("ca.pem"), "-CAkey", file("ca.key")];
  for (const name of ["server", "client"]) {
    const names = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const files = ["-keyout", file(`${name}.key`), "-out", file(`${name}.pem`)];
    await openssl("req", "-x509", ...newKey, ...names, ...authority, ...files);
    await chmod(file(`${name}.key`), 0o644);
  }
  const pair = (name: string) => ({ certFile: file(`${name}.pem`), keyFile: file(`${name}.key`) });
  return { caFile: file("ca.pem"), server: pair("server"), client: pair("client") };
}

/** An nkey of a user. */
export function createNkey(): { readonly seed: string; readonly publicKey: string } {
  const user = nkeys.createUser();
  return { seed: new TextDecoder().decode(user.getSeed()), publicKey: user.getPublicKey() };
}

/** A credentials file of a user, and the configuration of a server that trusts it. */
export async function createCredentials(path: string): Promise<{ readonly serverConfig: string }> {
  const operator = nkeys.createOperator();
  const [system, app] = [nkeys.createAccount(), nkeys.createAccount()];
  const user = nkeys.createUser();
  const unlimited = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  const account = (name: string, key: Key, more: object): string =>
    signToken(operator, key, name, { type: "account", limits: { ...limits, ...more } });
  const operatorToken = signToken(operator, operator, "operator", {
    type: "operator",
    system_account: system.getPublicKey(),
  });
  const userToken = signToken(app, user, "ada", { type: "user", subs: -1, data: -1, payload: -1, pub: {}, sub: {} });
  const lines = [
    "-----BEGIN NATS USER JWT-----",
    userToken,
    "------END NATS USER JWT------",
    "",
    "-----BEGIN USER NKEY SEED-----",
    new TextDecoder().decode(user.getSeed()),
    "------END USER NKEY SEED------",
    "",
  ];
  await writeFile(path, lines.join("\n"), { mode: 0o600 });
  const serverConfig = `operator: ${operatorToken}
resolver: MEMORY
resolver_preload: {
  ${system.getPublicKey()}: ${account("system", system, {})}
  ${app.getPublicKey()}: ${account("app", app, unlimited)}
}`;
  return { serverConfig };
}

type Key = ReturnType<typeof nkeys.createUser>;

/** A JSON web token as NATS knows them. */
function signToken(issuer: Key, subject: Key, name: string, nats: object): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = {
    jti: crypto.randomUUID(),
    iat: Math.floor(Date.now() / 1000),
    iss: issuer.getPublicKey(),
    name,
    sub: subject.getPublicKey(),
    nats: { ...nats, version: 2 },
  };
  const signed = `${encode({ typ: "JWT", alg: "ed25519-nkey" })}.${encode(claims)}`;
  return `${signed}.${Buffer.from(issuer.sign(new TextEncoder().encode(signed))).toString("base64url")}`;
}
