// Takes programs from Debian's packages, of any release, without installing them and without root: apt keeps its lists in a
// directory of ours and checks the signatures as always, and the packages are only unpacked.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeSharedDirectory } from "./shared-directory.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Debian's release on this machine, such as `bookworm`; `undefined` on any other system. */
export async function findDebianRelease(): Promise<string | undefined> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (!/^ID="?debian"?$/m.test(text)) return undefined;
  return /^VERSION_CODENAME="?(\w+)"?$/m.exec(text)?.[1];
}

/** A package that was unpacked. */
export interface UnpackedPackage {
  readonly directory: string;
  /** What to put before a program to run it with the libraries of its own release; empty when it needs none. */
  readonly loader: readonly string[];
}

/** Downloads a package and all libraries that it needs, once for all. */
export async function unpackDebianPackage(name: string, release: string): Promise<UnpackedPackage> {
  const directory = await makeSharedDirectory(["Debian package and libraries", name, release], async (target) => {
    const work = await mkdtemp(join(tmpdir(), "es-debian-"));
    try {
      const apt = await prepareApt(work, release);
      await run("apt-get", [...apt, "update"], work);
      const libraries = await findLibraries(name, apt, work);
      await run("apt-get", [...apt, "download", name, ...libraries], work);
      const files = (await readdir(work)).filter((file) => file.endsWith(".deb"));
      for (const file of files) await run("dpkg-deb", ["-x", join(work, file), target], work);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
  return { directory, loader: await findLoader(directory) };
}

/** The loader of an unpacked C library, told to use the unpacked libraries. */
async function findLoader(directory: string): Promise<string[]> {
  const paths: string[] = [];
  for (const root of [join(directory, "usr", "lib"), join(directory, "lib")]) {
    const entries = await readdir(root).catch(() => []);
    paths.push(...entries.filter((entry) => entry.includes("-linux-gnu")).map((entry) => join(root, entry)));
  }
  for (const path of paths) {
    const loader = (await readdir(path)).find((file) => /^ld-linux.*\.so\.\d+$/.test(file));
    if (loader !== undefined) return [join(path, loader), "--library-path", paths.join(":")];
  }
  return [];
}

/** Options that make apt use the given release, and directories of its own. */
async function prepareApt(work: string, release: string): Promise<string[]> {
  const archive = await findArchive(work);
  const list = join(work, "sources.list");
  const parts = join(work, "parts");
  await writeFile(list, `deb [signed-by=${KEYRING}] ${archive} ${release} main\n`);
  for (const path of [parts, join(work, "lists", "partial"), join(work, "cache", "archives", "partial")]) {
    await mkdir(path, { recursive: true });
  }
  const options = {
    "Dir::Etc::sourcelist": list,
    "Dir::Etc::sourceparts": parts,
    "Dir::State::lists": join(work, "lists"),
    "Dir::Cache": join(work, "cache"),
    "APT::Sandbox::User": "",
    "Acquire::Languages": "none",
    "Acquire::Retries": "3",
    "APT::Update::Error-Mode": "any",
    "Acquire::http::Timeout": "30",
  };
  return Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

/** Where this machine takes Debian's packages from; asked in a way that needs no lists to be there already. */
async function findArchive(work: string): Promise<string> {
  const release = await findDebianRelease();
  const uris = await run("apt-get", ["update", "--print-uris", "-o", `Dir::State::lists=${join(work, "none")}`], work);
  const archive = new RegExp(`^'(.*)/dists/${release}/InRelease'`, "m").exec(uris)?.[1];
  if (archive === undefined) throw new Error(`apt has no source for ${release}`);
  return archive;
}

/** The libraries that a package depends on, and those that they depend on; none for a program that needs only the C library. */
async function findLibraries(name: string, apt: readonly string[], work: string): Promise<string[]> {
  const direct = libraryNames(await run("apt-cache", [...apt, "depends", ...ONLY_NEEDED, name], work));
  if (direct.every((library) => library === "libc6")) return [];
  return libraryNames(await run("apt-cache", [...apt, "depends", "--recurse", ...ONLY_NEEDED, ...direct], work));
}

const ONLY_NEEDED = ["pre-depends", "recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"].map(
  (kind) => `--no-${kind}`,
);

function libraryNames(dependencies: string): string[] {
  const names = [...dependencies.matchAll(/^(?: {2}Depends: )?(lib[^\s:]+)$/gm)].map(([, library]) => library ?? "");
  return [...new Set(names)];
}

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const env = { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
  const { stdout } = await promisify(execFile)(command, args, { cwd, env, timeout: 120_000 });
  return stdout;
}
