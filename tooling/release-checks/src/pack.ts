import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type PublishedPackage, publishedPackages } from "./packages.ts";
import { run } from "./run.ts";

/** A packed package. */
export interface Tarball extends PublishedPackage {
  readonly file: string;
}

/** Packs every published package into `folder`, as a release would. */
export function packAll(folder: string): readonly Tarball[] {
  return publishedPackages().map((pkg) => {
    const before = new Set(readdirSync(folder));
    run("pnpm", ["pack", "--pack-destination", folder], { cwd: pkg.folder });
    const file = readdirSync(folder).find((name) => !before.has(name));
    if (file === undefined) throw new Error(`pnpm pack of ${pkg.name} made no file`);
    return { ...pkg, file: join(folder, file) };
  });
}
