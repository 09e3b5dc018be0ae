import { join } from "node:path";
import { findDebianRelease, unpackDebianPackage } from "./debian-package.ts";
import { findBinaries, readVersion } from "./find-binary.ts";
import type { WantedVersion } from "./find-postgres.ts";
import type { ServerUser } from "./server-user.ts";

/** A nats-server that can be run. */
export interface NatsProgram {
  readonly path: string;
  /** Such as 2.9.10. */
  readonly version: string;
}

/** Where to look. */
export interface NatsPlaces {
  /** Directories, as in PATH. */
  readonly searchPath: string;
  readonly otherDirectories: readonly string[];
  /** Debian's release on this machine, if it is Debian; then its packages are used too. */
  readonly debianRelease: string | undefined;
}

// The release with the oldest version that the store supports, and the one with the newest that there is.
const OLDEST_RELEASE = "bookworm";
const NEWEST_RELEASE = "sid";
const OLDEST_SUPPORTED = [2, 9];

/**
 * Finds nats-server: on the PATH, in Debian's place, in Debian's packages, in this order. The first is taken; with a wanted
 * version the lowest or the highest of all, for which a package is downloaded where there is apt.
 */
export async function findNats(
  user: ServerUser | undefined,
  wanted: WantedVersion | undefined,
  places?: NatsPlaces,
): Promise<NatsProgram> {
  const { searchPath, otherDirectories, debianRelease } = places ?? (await usualPlaces());
  const found: NatsProgram[] = [];
  for (const path of await findBinaries("nats-server", otherDirectories, searchPath)) {
    const version = await readVersion(path, user);
    if (version !== undefined) found.push({ path, version });
  }
  const isOldest = found.some(({ version }) => compareVersions(parts(version).slice(0, 2), OLDEST_SUPPORTED) <= 0);
  const isEnough = wanted === undefined ? found.length > 0 : wanted === "oldest" && isOldest;
  if (debianRelease !== undefined && !isEnough) {
    const release = { oldest: OLDEST_RELEASE, newest: NEWEST_RELEASE, any: debianRelease }[wanted ?? "any"];
    found.push(await fromDebian(release, user));
  }

  const [first, ...others] = found;
  if (first === undefined) throw new Error(MISSING);
  if (wanted === undefined) return first;
  const sign = wanted === "oldest" ? 1 : -1;
  return others.reduce(
    (best, next) => (sign * compareVersions(parts(next.version), parts(best.version)) < 0 ? next : best),
    first,
  );
}

async function usualPlaces(): Promise<NatsPlaces> {
  return {
    searchPath: process.env["PATH"] ?? "",
    otherDirectories: ["/usr/sbin", "/usr/local/bin"],
    debianRelease: await findDebianRelease(),
  };
}

async function fromDebian(release: string, user: ServerUser | undefined): Promise<NatsProgram> {
  const directory = await unpackDebianPackage("nats-server", release).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${reason}\n${MISSING}`, { cause });
  });
  const path = join(directory, "usr", "sbin", "nats-server");
  const version = await readVersion(path, user);
  if (version === undefined) throw new Error(`${path} does not run. ${MISSING}`);
  return { path, version };
}

function parts(version: string): number[] {
  return version.split(".").map(Number);
}

/** Less than, equal to or greater than zero, as `a` is older, equal or newer. */
function compareVersions(a: readonly number[], b: readonly number[]): number {
  const differences = a.map((part, index) => part - (b[index] ?? 0));
  return differences.find((difference) => difference !== 0) ?? 0;
}

const MISSING =
  "Put nats-server 2.9.10 or later on the PATH (on Debian: apt-get install nats-server), or set ES_TEST_NATS_URL to a server " +
  "with JetStream that the tests may use.";
