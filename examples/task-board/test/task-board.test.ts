import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startKurrentDoubleProcess } from "kurrentdb-double";
import { startNats, startPostgres } from "test-servers";
import { expect, it } from "vitest";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

function start(env: Record<string, string>): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, ["--conditions=@es/source", main], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
}

/** Runs the program and returns its lines, with the id of the run left out. */
function run(env: Record<string, string>): readonly string[] {
  const { stdout, stderr, status } = start(env);
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

interface Place {
  /** For `EVENT_STORE_URL`. */
  readonly url: string;
  /** Whether the events are still there for the next run. */
  readonly isDurable: boolean;
  /** Throws the events away. */
  close(): Promise<void>;
}

/** Every store that the board runs on. */
const places: Readonly<Record<string, (folder: string) => Promise<Place>>> = {
  memory: async () => ({ url: "memory:", isDurable: false, close: async () => undefined }),
  SQLite: async (folder) => ({
    url: `sqlite:${join(folder, "events.db")}`,
    isDurable: true,
    close: async () => undefined,
  }),
  PostgreSQL: async () => {
    const server = await startPostgres();
    return { url: server.url, isDurable: true, close: async () => server[Symbol.asyncDispose]() };
  },
  NATS: async () => {
    const server = await startNats();
    return { url: `${server.url}/board`, isDurable: true, close: async () => server[Symbol.asyncDispose]() };
  },
  KurrentDB: async () => {
    const server = await startKurrentDoubleProcess();
    const url = `${server.connectionString}&name=board`;
    return { url, isDurable: true, close: async () => server[Symbol.asyncDispose]() };
  },
};

it.each(Object.entries(places))(
  "shows the same board on %s, and goes on where it was: nothing is told or counted twice",
  { timeout: 120_000 },
  async (_name, open) => {
    const folder = await mkdtemp(join(tmpdir(), "es-task-board-"));
    const place = await open(folder);
    try {
      const views = place.isDurable ? { VIEWS: join(folder, "views.db") } : {};
      const env = { EVENT_STORE_URL: place.url, ...views };

      const [first, second] = [run(env), run(env)];

      expect(first).toStrictEqual([
        ...notices,
        ...rows,
        "{ assignee: 'ada', open: 0, done: 1 }",
        "{ assignee: 'grace', open: 1, done: 0 }",
      ]);
      const both = [
        ...notices,
        ...rows,
        ...rows,
        "{ assignee: 'ada', open: 0, done: 2 }",
        "{ assignee: 'grace', open: 2, done: 0 }",
      ];
      expect(second).toStrictEqual(place.isDurable ? both : first);
    } finally {
      await place.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
);

it.each([
  ["mysql://db/tasks", /^ES_CONFIGURATION: the event store URL has the unknown scheme "mysql".*\n$/],
  ["nats://127.0.0.1:1/tasks", /^ES_STORE_UNAVAILABLE: no NATS server answers at 127\.0\.0\.1:1.*\n$/],
])("says in one line what is wrong with %s", (url, line) => {
  const { stderr, status } = start({ EVENT_STORE_URL: url });

  expect(stderr).toMatch(line);
  expect(status).toBe(1);
});

it("refuses read models of other events in one line", async () => {
  const folder = await mkdtemp(join(tmpdir(), "es-task-board-"));
  try {
    const VIEWS = join(folder, "views.db");
    run({ EVENT_STORE_URL: "memory:", VIEWS });

    const { stderr, status } = start({ EVENT_STORE_URL: "memory:", VIEWS });

    expect(stderr).toMatch(/^ES_CHECKPOINT_MISMATCH: .*\n$/);
    expect(status).toBe(1);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
