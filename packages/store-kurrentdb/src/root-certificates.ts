import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigurationError } from "@es/core";

const PEM = "-----BEGIN CERTIFICATE-----";

/** A file that the client can read. */
export interface CertificateFile {
  readonly path: string;
  /** Removes it when it is a copy. */
  remove(): Promise<void>;
}

/**
 * The client takes the certificates as a file only, so a text becomes a temporary one.
 * @throws ConfigurationError when it is neither the text nor the path of a PEM file
 */
export async function certificateFile(certificates: string): Promise<CertificateFile> {
  if (!certificates.includes(PEM)) {
    await assertPemFile(certificates);
    return { path: certificates, remove: async () => undefined };
  }
  const folder = await mkdtemp(join(tmpdir(), "es-kurrentdb-"));
  const path = join(folder, "root.pem");
  await writeFile(path, certificates, { mode: 0o600 });
  return { path, remove: () => rm(folder, { recursive: true, force: true }) };
}

async function assertPemFile(path: string): Promise<void> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new ConfigurationError(
      `the root certificates of the KurrentDB event store cannot be read from ${JSON.stringify(path)}; give the text or the path of a PEM file`,
      { cause },
    );
  }
  if (!text.includes(PEM)) {
    throw new ConfigurationError(
      `the file ${JSON.stringify(path)} holds no certificate ("${PEM}"); give the root certificate of the KurrentDB server as a PEM file`,
    );
  }
}
