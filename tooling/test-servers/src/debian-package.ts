// Takes programs from Debian's packages without installing them and without root: apt keeps its lists in a directory of ours,
// checks the signatures as always, and the packages are only unpacked.
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

/** Downloads a package and the libraries it names, once for all, and returns the directory with their files. */
export async function unpackDebianPackage(name: string, release: string): Promise<string> {
  return await makeSharedDirectory(["debian", name, release], async (directory) => {
    const work = await mkdtemp(join(tmpdir(), "es-debian-"));
    try {
      const apt = await prepareApt(work, release);
      await run("apt-get", [...apt, "update"], work);
      const libraries = await readLibraries(name, apt, work);
      await run("apt-get", [...apt, "download", name, ...libraries], work);
      const files = (await readdir(work)).filter((file) => file.endsWith(".deb"));
      for (const file of files) await run("dpkg-deb", ["-x", join(work, file), directory], work);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`The package ${name} of Debian ${release} could not be downloaded: ${message}`, { cause });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
}

/** The environment in which a program of an unpacked package finds its libraries. */
export async function libraryEnvironment(directory: string): Promise<Readonly<Record<string, string>>> {
  const paths: string[] = [];
  for (const root of [join(directory, "usr", "lib"), join(directory, "lib")]) {
    const entries = await readdir(root).catch(() => []);
    paths.push(...entries.filter((entry) => entry.includes("-linux-gnu")).map((entry) => join(root, entry)));
  }
  return paths.length === 0 ? {} : { LD_LIBRARY_PATH: paths.join(":") };
}

/** Options that make apt use the given release, and directories of its own. */
async function prepareApt(work: string, release: string): Promise<string[]> {
  const format = "$(REPO_URI)";
  const targets = await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"], work);
  const [archive] = targets.split("\n");
  if (!archive) throw new Error("apt has no sources");
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
    "Acquire::http::Timeout": "30",
  };
  return Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

/** The libraries that a package depends on, except the C library, which is everywhere. */
async function readLibraries(name: string, apt: readonly string[], work: string): Promise<string[]> {
  const text = await run("apt-cache", [...apt, "depends", name], work);
  const names = [...text.matchAll(/^ {2}Depends: (lib\S+)$/gm)].map(([, library]) => library ?? "");
  return names.filter((library) => library !== "libc6");
}

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const env = { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
  const { stdout } = await promisify(execFile)(command, args, { cwd, env, timeout: 120_000 });
  return stdout;
}
