import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openSqliteEventStore } from "@es/store-sqlite";
import { describe, expect, it } from "vitest";
import { loadProgress, type Progress } from "../src/import-progress.ts";
import { makeRepository } from "../src/large-repository.ts";
import { demoArgs, lines, runDemo, runDemoWith, Sandbox, temporaryFolder } from "./git-sandbox.ts";

const RECONCILED = "Reconciled: the events say what git log --numstat says";

async function progressOf(path: string): Promise<Progress> {
  if (!existsSync(path)) return { base: null, target: null, done: 0, last: null, commits: 0, changes: 0 };
  await using store = await openSqliteEventStore({ path });
  return (await loadProgress(store)).progress;
}

async function eventsIn(path: string): Promise<number> {
  await using store = await openSqliteEventStore({ path });
  let events = 0;
  for await (const page of store.readAll()) events += page.events.length;
  return events;
}

function importInto(sandbox: Sandbox, ...args: readonly string[]) {
  return runDemo(sandbox.folder, "--db", join(sandbox.folder, ".git", "history.db"), ...args);
}

describe("the import", () => {
  it("follows a file over a chain of renames", () => {
    const sandbox = new Sandbox();
    sandbox.write("a.txt", lines(20));
    sandbox.commit();
    sandbox.git("mv", "a.txt", "b.txt");
    sandbox.commit();
    sandbox.git("mv", "b.txt", "c.txt");
    sandbox.write("c.txt", `${lines(20)}more\n`);
    sandbox.commit();

    const { stdout, status } = importInto(sandbox, "--file", "c.txt");

    expect(status).toBe(0);
    expect(stdout).toContain("c.txt at version 3");
    expect(stdout).toMatch(/1 {2}2026-01-02 {2}\+20 +-0 +FileAdded .* a\.txt/);
    expect(stdout).toMatch(/3 {2}2026-01-04 {3}\+1 +-0 +FileRenamed .* c\.txt/);
  });

  it("takes a file that is deleted and added again as one, and one added where another was renamed away as two", () => {
    const sandbox = new Sandbox();
    sandbox.write("back.txt", lines(5));
    sandbox.write("old.txt", lines(20, "moved"));
    sandbox.commit();
    sandbox.git("rm", "--quiet", "back.txt");
    sandbox.git("mv", "old.txt", "new.txt");
    sandbox.commit();
    sandbox.write("back.txt", lines(2, "again"));
    sandbox.write("old.txt", lines(3, "another"));
    sandbox.commit();

    expect(importInto(sandbox).stdout).toContain(RECONCILED);
    expect(importInto(sandbox, "--file", "back.txt").stdout).toMatch(
      /FileAdded[^]*FileDeleted[^]*FileRestored[^]*present after 3/,
    );
    expect(importInto(sandbox, "--file", "old.txt").stdout).toContain("present after 1 changes");
    expect(importInto(sandbox, "--file", "new.txt").stdout).toContain("present after 2 changes");
  });

  it("reconciles binary files, odd names, empty commits and branches that contradict each other", () => {
    const sandbox = new Sandbox();
    const odd = [
      'with "quotes".txt',
      "with\nnewline",
      ":colon",
      "\u0001control",
      "\ttab",
      "ünïcödé 💥",
      "1\t2\tnumbers",
      "back\\slash",
    ];
    for (const name of odd) sandbox.write(name, lines(2));
    sandbox.write("binary", Buffer.from([0, 1, 2, 3, 0, 255]));
    sandbox.write("both.txt", lines(30));
    sandbox.write("gone.txt", lines(10, "gone"));
    sandbox.commit();
    sandbox.commit("empty");
    sandbox.git("checkout", "--quiet", "-b", "side");
    sandbox.git("mv", "both.txt", "side.txt");
    sandbox.git("rm", "--quiet", "gone.txt");
    sandbox.write("twice.txt", "side\n");
    sandbox.commit();
    sandbox.write("binary", Buffer.from([0, 9, 9]));
    sandbox.commit();
    sandbox.git("checkout", "--quiet", "main");
    sandbox.write("both.txt", `${lines(30)}main\n`);
    sandbox.write("gone.txt", lines(11, "gone"));
    sandbox.write("twice.txt", "main\n");
    sandbox.commit();
    sandbox.git("merge", "--quiet", "-s", "ours", "-m", "merge", "side");

    const { stdout, status } = importInto(sandbox);

    expect(stdout).toContain(RECONCILED);
    expect(stdout).toContain("commits  4 = 4");
    expect(status).toBe(0);
    expect(importInto(sandbox, "--file", "with\nnewline").stdout).toContain("present after 1 changes");
  });

  it("shows a file as it was at a version and at a time", () => {
    const sandbox = new Sandbox();
    for (const count of [1, 2, 3]) {
      sandbox.write("a.txt", lines(count));
      sandbox.commit();
    }

    expect(importInto(sandbox, "--file", "a.txt", "--at", "2").stdout).toContain("present after 2 changes, +2 -0");
    expect(importInto(sandbox, "--file", "a.txt", "--at", "2026-01-02T12:00:00Z").stdout).toContain(
      "present after 1 changes, +1 -0",
    );
    expect(importInto(sandbox, "--file", "a.txt", "--at", "9")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("no version 9"),
    });
    expect(importInto(sandbox, "--file", "a.txt", "--at", "2020-01-01")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("did not exist yet"),
    });
  });
});

describe("a history that is not like others", () => {
  it("keeps names apart that are not UTF-8, and takes commits whose time no calendar holds", () => {
    const folder = temporaryFolder();
    const sandbox = new Sandbox();
    sandbox.fastImport(
      Buffer.from(
        "feature date-format=raw-permissive\ncommit refs/heads/main\ncommitter Ada <a@b> 99999999999999 +0000\ndata 1\nx\n" +
          'M 100644 inline "caf\\351"\ndata 2\n1\n\nM 100644 inline "caf\\350"\ndata 4\n1\n2\n\n',
        "latin1",
      ),
    );
    const db = join(folder, "history.db");

    const { stdout, status } = runDemo(sandbox.folder, "--db", db);

    expect(stdout).toContain("changes  2 = 2");
    expect(status).toBe(0);
    expect(runDemo(sandbox.folder, "--db", db, "--file", "caf\\xE9").stdout).toContain("+1 -0 lines");
    expect(runDemo(sandbox.folder, "--db", db, "--file", "caf\\xE8").stdout).toContain("+2 -0 lines");
  });

  it("counts old commits as before when attributes or settings of git change", () => {
    const sandbox = new Sandbox();
    sandbox.write("a.json", lines(5));
    sandbox.commit();
    importInto(sandbox);
    sandbox.write(".gitattributes", "*.json -diff\n");
    sandbox.commit();
    sandbox.git("config", "log.showRoot", "false");
    sandbox.git("config", "diff.algorithm", "histogram");

    expect(importInto(sandbox)).toMatchObject({ status: 0, stdout: expect.stringContaining("added    6 = 6") });
  });

  it("is that of the folder asked for, whatever a hook of git says", () => {
    const sandbox = new Sandbox();
    const other = new Sandbox();
    for (const repository of [sandbox, other]) {
      repository.write("a.txt", lines(1));
      repository.commit();
    }
    other.commit();

    const { stdout } = runDemoWith(
      { GIT_DIR: join(other.folder, ".git") },
      sandbox.folder,
      "--db",
      join(sandbox.folder, ".git", "history.db"),
    );

    expect(stdout).toContain("1 new commits");
  });

  it("is reconciled with 5,000 changes of a bare repository", { timeout: 60_000 }, async () => {
    const folder = temporaryFolder();
    const repository = join(folder, "repository");
    await makeRepository(repository, { changes: 5_000, files: 400, changesPerCommit: 9 });

    const { stdout, status } = runDemo(repository, "--db", join(folder, "history.db"));

    expect(stdout).toMatch(/memory in MB, resident \(heap\): \d+ \(\d+\) at the start/);
    expect(stdout).toContain("changes  5,000 = 5,000");
    expect(status).toBe(0);
  });

  it("fails the run when the events do not say what git says", async () => {
    const sandbox = new Sandbox();
    sandbox.write("a.txt", lines(3));
    sandbox.commit();
    importInto(sandbox);
    {
      await using store = await openSqliteEventStore({ path: join(sandbox.folder, ".git", "history.db") });
      const forged = {
        path: "a.txt",
        added: 7,
        removed: 0,
        commit: "none",
        author: "Eve",
        time: "2026-01-02T00:00:00Z",
      };
      await store.append({
        streamId: "file-forged",
        expected: "no-stream",
        events: [{ type: "FileAdded", data: forged }],
      });
    }

    const { stdout, status } = importInto(sandbox);

    expect(status).toBe(1);
    expect(stdout).toContain("NOT RECONCILED");
    expect(stdout).toContain("added    10 ≠ 3");
  });
});

describe("a second run", () => {
  it("imports only what is new", () => {
    const sandbox = new Sandbox();
    sandbox.write("a.txt", lines(3));
    sandbox.commit();
    expect(importInto(sandbox).stdout).toContain("1 new commits with 1 file changes");
    sandbox.write("a.txt", lines(4));
    sandbox.commit();

    const second = importInto(sandbox);
    const third = importInto(sandbox);

    expect(second.stdout).toContain("1 new commits with 1 file changes");
    expect(second.stdout).toContain(RECONCILED);
    expect(third.stdout).toContain("0 new commits with 0 file changes");
    expect(third.stdout).toContain("changes  2 = 2");
  });

  it("refuses a history that was rewritten, and starts again when told to", () => {
    const sandbox = new Sandbox();
    sandbox.write("a.txt", lines(3));
    sandbox.commit();
    importInto(sandbox);
    sandbox.git("commit", "--quiet", "--amend", "-m", "another");

    const refused = importInto(sandbox);
    const fresh = importInto(sandbox, "--fresh");

    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("--fresh") });
    expect(fresh.stdout).toContain(RECONCILED);
  });

  it("goes on after kill -9 where the last batch ended, with nothing lost and nothing twice", {
    timeout: 120_000,
  }, async () => {
    const folder = temporaryFolder();
    const repository = join(folder, "repository");
    const path = join(folder, "history.db");
    await makeRepository(repository, { changes: 12_000, files: 700, changesPerCommit: 7 });
    const after: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const child = spawn(process.execPath, demoArgs(repository, "--db", path), { stdio: "ignore" });
      const closed = once(child, "close");
      const before = after.at(-1) ?? 0;
      while ((await progressOf(path)).changes <= before && child.exitCode === null) await sleep(5);
      child.kill("SIGKILL");
      await closed;
      const { changes, commits } = await progressOf(path);
      expect(changes).toBe(await eventsIn(path));
      expect(changes).toBe(Math.min(12_000, commits * 7));
      after.push(changes);
    }

    const { stdout, status } = runDemo(repository, "--db", path);

    expect(after[0]).toBeLessThan(12_000);
    expect(stdout).toContain(RECONCILED);
    expect(stdout).toContain("changes  12,000 = 12,000");
    expect(status).toBe(0);
  });
});

describe("wrong use", () => {
  it.each([
    ["a folder that is no repository", ["/"], "not inside a git repository"],
    ["two repositories", ["a", "b"], "one repository at a time"],
    ["an unknown option", ["--nonsense"], "--nonsense"],
    ["--at without --file", ["--at", "3"], "--at needs --file"],
  ])("is explained: %s", (_what, args, message) => {
    expect(runDemo(...args)).toMatchObject({ status: 2, stderr: expect.stringContaining(message) });
  });

  it("is explained: no git", () => {
    expect(runDemoWith({ PATH: temporaryFolder() }, temporaryFolder())).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("Install git first"),
    });
  });

  it("does not delete a file that is not its own", async () => {
    const sandbox = new Sandbox();
    sandbox.write("notes.txt", lines(3));
    sandbox.commit();
    const notes = join(sandbox.folder, "notes.txt");
    const foreign = join(temporaryFolder(), "foreign.db");
    {
      await using store = await openSqliteEventStore({ path: foreign });
      await store.append({ streamId: "account-1", expected: "no-stream", events: [{ type: "Opened", data: {} }] });
    }

    expect(runDemo(sandbox.folder, "--db", notes, "--fresh")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("not a SQLite database"),
    });
    expect(runDemo(sandbox.folder, "--db", foreign, "--fresh")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("delete it yourself"),
    });
    expect(readFileSync(notes, "utf8")).toBe(lines(3));
    expect(await eventsIn(foreign)).toBe(1);
  });

  it("is explained: an empty repository, a shallow clone, a file that never was, a database that is none", () => {
    const sandbox = new Sandbox();
    expect(importInto(sandbox)).toMatchObject({ status: 2, stderr: expect.stringContaining("no commit yet") });
    sandbox.write("a.txt", lines(1));
    sandbox.commit();
    sandbox.commit();
    const shallow = join(temporaryFolder(), "shallow");
    sandbox.git("clone", "--quiet", "--depth=1", `file://${sandbox.folder}`, shallow);

    expect(runDemo(shallow)).toMatchObject({ status: 2, stderr: expect.stringContaining("--unshallow") });
    expect(importInto(sandbox, "--file", "b.txt")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("no file was ever at b.txt"),
    });
    expect(runDemo(sandbox.folder, "--db", join(sandbox.folder, ".git", "HEAD"))).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("not a SQLite database"),
    });
    expect(importInto(sandbox, "--file", "a.txt", "--at", "soon")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("neither a version nor a time"),
    });
  });
});
