import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/** Runs the program and returns its lines, with the id of the run left out. */
function run(env: Record<string, string>): readonly string[] {
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--conditions=@es/source", main], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout
    .replaceAll(/task-[0-9a-f]{8}-/g, "task-")
    .trimEnd()
    .split("\n");
}

const notices = [
  'to ada: "Write the docs" is yours',
  'to ada: "Review the code" is yours',
  "to grace: task-2 is yours now",
];
const rows = [
  "{ title: 'Write the docs', assignee: 'ada', done: 1 }",
  "{ title: 'Review the code', assignee: 'grace', done: 0 }",
];

it("shows the same board on the memory store as its README says", () => {
  expect(run({ EVENT_STORE_URL: "memory:" })).toStrictEqual([
    ...notices,
    ...rows,
    "{ assignee: 'ada', open: 0, done: 1 }",
    "{ assignee: 'grace', open: 1, done: 0 }",
  ]);
});

it("goes on where it was in a SQLite file: nothing is told or counted twice", async () => {
  const folder = await mkdtemp(join(tmpdir(), "es-task-board-"));
  try {
    const env = { EVENT_STORE_URL: `sqlite:${join(folder, "events.db")}`, VIEWS: join(folder, "views.db") };

    run(env);
    const second = run(env);

    expect(second).toStrictEqual([
      ...notices,
      ...rows,
      ...rows,
      "{ assignee: 'ada', open: 0, done: 2 }",
      "{ assignee: 'grace', open: 2, done: 0 }",
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
