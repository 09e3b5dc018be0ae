import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of the repository. */
export const root: string = fileURLToPath(new URL("../../../", import.meta.url));

/** A package that is published. */
export interface PublishedPackage {
  readonly name: string;
  readonly folder: string;
  /** Entry points by export path, such as `.` or `./testing`, to the d.ts file in `dist`. */
  readonly entries: ReadonlyMap<string, string>;
}

/** Every package under `packages/`. */
export function publishedPackages(): readonly PublishedPackage[] {
  const parent = join(root, "packages");
  return readdirSync(parent)
    .map((name) => join(parent, name))
    .map((folder) => {
      const manifest: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      return { name: textOf(manifest, "name"), folder, entries: entriesOf(folder, manifest) };
    });
}

function entriesOf(folder: string, manifest: unknown): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const [path, target] of Object.entries(memberOf(manifest, "exports"))) {
    if (typeof target === "object") entries.set(path, join(folder, textOf(target, "types")));
  }
  return entries;
}

function memberOf(value: unknown, name: string): object {
  const member = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  if (typeof member !== "object" || member === null) throw new Error(`the manifest has no ${name}`);
  return member;
}

function textOf(value: unknown, name: string): string {
  const member: unknown = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  if (typeof member !== "string") throw new Error(`the manifest has no ${name}`);
  return member;
}
