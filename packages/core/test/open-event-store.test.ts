import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigurationError, openEventStore } from "../src/index.ts";

/** A test runner may make further packages resolvable by NODE_PATH; a process without it sees what an application sees. */
async function refusalsInNewProcess(from: string, urls: readonly string[]): Promise<readonly string[]> {
  const script = `
    const { openEventStore } = await import(${JSON.stringify(new URL("../src/open-event-store.ts", import.meta.url).href)});
    for (const url of process.argv.slice(1)) {
      await openEventStore(url, { from: ${JSON.stringify(from)} }).then(
        () => console.log("opened"),
        (error) => console.log(error.code, error.message),
      );
    }`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", script, "--", ...urls],
    { env: {} },
  );
  return stdout.trim().split("\n");
}

describe("openEventStore", () => {
  let folder = "";

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "open-event-store-"));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  async function installFake(name: string, source: string): Promise<void> {
    const target = join(folder, "node_modules", name);
    await mkdir(target, { recursive: true });
    await writeFile(
      join(target, "package.json"),
      JSON.stringify({ name, type: "module", exports: { ".": { default: "./index.js" } } }),
    );
    await writeFile(join(target, "index.js"), source);
  }

  it("names what to install, and never the rest of the URL", async () => {
    const kurrentDb = "npm install @es/store-kurrentdb @kurrent/kurrentdb-client; ";
    const installs = [
      ["memory:", "npm install @es/store-memory; where it is installed elsewhere, pass { from: import.meta.url }"],
      ["sqlite:./secret.db", "npm install @es/store-sqlite better-sqlite3; "],
      ["postgres://ada:secret@db/events", "npm install @es/store-postgres pg; "],
      ["postgresql://ada:secret@db/events", "npm install @es/store-postgres pg; "],
      ["nats://ada:secret@localhost", "npm install @es/store-nats @nats-io/transport-node; "],
      ["tls://ada:secret@localhost", "npm install @es/store-nats @nats-io/transport-node; "],
      ["kurrentdb://ada:secret@localhost", kurrentDb],
      ["kurrentdb+discover://ada:secret@localhost", kurrentDb],
      ["kurrent://ada:secret@localhost", kurrentDb],
      ["kdb+discover://ada:secret@localhost", kurrentDb],
      ["esdb://ada:secret@localhost", kurrentDb],
      ["esdb+discover://ada:secret@localhost", kurrentDb],
      ["POSTGRES://ada:secret@db/events", "npm install @es/store-postgres pg; "],
    ] as const;

    const messages = await refusalsInNewProcess(
      folder,
      installs.map(([url]) => url),
    );

    for (const [index, [url, install]] of installs.entries()) {
      expect(messages[index], url).toMatch(
        new RegExp(`^ES_CONFIGURATION this event store needs the package @es/store-[a-z]+: ${install}`),
      );
      expect(messages[index]).not.toContain("secret");
    }
  });

  it.each([
    ["mysql://ada:secret@db/events", "unknown scheme"],
    ["secret", "no scheme"],
    ["://secret", "no scheme"],
    [":secret", "no scheme"],
  ])("refuses %s and shows no more than the scheme", async (url, problem) => {
    const refused = openEventStore(url, { from: folder });

    await expect(refused).rejects.toBeInstanceOf(ConfigurationError);
    await expect(refused).rejects.toThrow(problem);
    await expect(refused).rejects.toThrow(expect.not.objectContaining({ message: expect.stringContaining("secret") }));
  });

  it("also looks beside the program's main script, wherever the process was started", async () => {
    await installFake("@es/store-memory", "export async function openFromUrl(url) { return 'opened ' + url; }");
    const core = new URL("../src/open-event-store.ts", import.meta.url).href;
    const main = join(folder, "main.mjs");
    await writeFile(
      main,
      `const { openEventStore } = await import(${JSON.stringify(core)}); console.log(await openEventStore("memory:"));`,
    );

    const { stdout } = await promisify(execFile)(process.execPath, [main], { cwd: tmpdir(), env: {} });

    expect(stdout.trim()).toBe("opened memory:");
  });

  it("refuses an empty URL", async () => {
    await expect(openEventStore("")).rejects.toThrow("no event store URL");
  });

  it.each([
    ["a folder", () => folder],
    ["a folder as URL", () => pathToFileURL(folder)],
    ["a file", () => join(folder, "main.js")],
    ["a file as URL", () => pathToFileURL(join(folder, "main.js"))],
    ["a file as text of a URL", () => pathToFileURL(join(folder, "main.js")).href],
  ])("hands the URL to the package that is installed near %s", async (_name, from) => {
    await installFake(
      "@es/store-memory",
      "export async function openFromUrl(url) { throw new Error('opened ' + url); }",
    );

    await expect(openEventStore("memory:name", { from: from() })).rejects.toThrow("opened memory:name");
  });

  it("refuses a package that cannot open URLs", async () => {
    await installFake("@es/store-sqlite", "export const openFromUrl = 'no function';");

    await expect(openEventStore("sqlite::memory:", { from: folder })).rejects.toThrow("does not export openFromUrl");
  });

  it("says why a package that is installed cannot be loaded", async () => {
    await installFake("@es/store-sqlite", "import 'a-driver-that-is-missing';");

    await expect(openEventStore("sqlite::memory:", { from: folder })).rejects.toMatchObject({
      code: "ES_CONFIGURATION",
      message: expect.stringContaining("a-driver-that-is-missing"),
    });
  });
});
