import { join } from "node:path";
import { findDebianRelease, unpackDebianPackage } from "./debian-package.ts";
import { findBinaries, readVersion } from "./find-binary.ts";
import type { WantedVersion } from "./find-postgres.ts";
import type { ServerUser } from "./server-user.ts";

/** A program that Debian has in a package of the same name. */
export interface ProgramNeed {
  readonly name: string;
  /** The oldest version of interest, without its last part; nothing older is looked for once it is found. */
  readonly oldest: readonly [major: number, minor: number];
  /** What to do when there is none. */
  readonly advice: string;
}

/** How to run a program that was found. */
export interface FoundProgram {
  readonly command: string;
  /** Arguments that come before all others. */
  readonly args: readonly string[];
  /** Such as 2.9.10. */
  readonly version: string;
}

/** Where to look. */
export interface ProgramPlaces {
  /** Directories, as in PATH. */
  readonly searchPath: string;
  readonly otherDirectories: readonly string[];
  /** Debian's release on this machine, if it is Debian; then its packages are used too. */
  readonly debianRelease: string | undefined;
}

// Debian's release with the oldest versions that the stores support, and the one with the newest that there are.
const OLDEST_RELEASE = "bookworm";
const NEWEST_RELEASE = "sid";

/**
 * Finds a program: on the PATH, in Debian's place, in Debian's packages, in this order. The first is taken; with a wanted
 * version the lowest or the highest of all, for which a package is downloaded on Debian.
 */
export async function findProgram(
  need: ProgramNeed,
  user: ServerUser | undefined,
  wanted: WantedVersion | undefined,
  places?: ProgramPlaces,
): Promise<FoundProgram> {
  const { searchPath, otherDirectories, debianRelease } = places ?? (await usualPlaces());
  const found: FoundProgram[] = [];
  for (const command of await findBinaries(need.name, otherDirectories, searchPath)) {
    const version = await readVersion(command, user);
    if (version !== undefined) found.push({ command, args: [], version });
  }
  const hasOldest = found.some(({ version }) => compareVersions(parts(version).slice(0, 2), need.oldest) <= 0);
  const isEnough = wanted === undefined ? found.length > 0 : wanted === "oldest" && hasOldest;
  if (debianRelease !== undefined && !isEnough) {
    const release = { oldest: OLDEST_RELEASE, newest: NEWEST_RELEASE, any: debianRelease }[wanted ?? "any"];
    found.push(await takeFromDebian(need, release, user));
  }

  const [first, ...others] = found;
  if (first === undefined) throw new Error(`${need.name} was not found. ${need.advice}`);
  if (wanted === undefined) return first;
  const sign = wanted === "oldest" ? 1 : -1;
  return others.reduce(
    (best, next) => (sign * compareVersions(parts(next.version), parts(best.version)) < 0 ? next : best),
    first,
  );
}

async function usualPlaces(): Promise<ProgramPlaces> {
  return {
    searchPath: process.env["PATH"] ?? "",
    otherDirectories: ["/usr/sbin", "/usr/local/bin"],
    debianRelease: await findDebianRelease(),
  };
}

async function takeFromDebian(
  { name, advice }: ProgramNeed,
  release: string,
  user: ServerUser | undefined,
): Promise<FoundProgram> {
  try {
    const { directory, loader } = await unpackDebianPackage(name, release);
    const [command, ...args] = [...loader, join(directory, "usr", "sbin", name)];
    const version = await readVersion(command, user, args);
    if (version === undefined) throw new Error(`It does not run; remove ${directory} to get it anew.`);
    return { command, args, version };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${name} could not be taken from Debian ${release}. ${advice}\n${reason}`, { cause });
  }
}

function parts(version: string): number[] {
  return version.split(".").map(Number);
}

/** Less than, equal to or greater than zero, as `a` is older, equal or newer. */
function compareVersions(a: readonly number[], b: readonly number[]): number {
  const differences = a.map((part, index) => part - (b[index] ?? 0));
  return differences.find((difference) => difference !== 0) ?? 0;
}
