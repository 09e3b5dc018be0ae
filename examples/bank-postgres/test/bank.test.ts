import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createDatabase, type PostgresServer, startPostgres } from "test-servers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openBankStore } from "../src/database.ts";
import { readLedger } from "../src/ledger.ts";
import { reconcile } from "../src/reconcile.ts";
import { runWorkload } from "../src/workload.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function start(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=@es/source", MAIN, ...args]);
    return { code: 0, output: stdout };
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || !("stderr" in error) || !("stdout" in error)) throw error;
    return { code: Number(error.code), output: `${String(error.stdout)}${String(error.stderr)}` };
  }
}

it("loses and makes no money while two processes move it at once", async () => {
  const database = await createDatabase(server);
  const args = [database.url, "--accounts", "6", "--workers", "8", "--seconds", "2"];

  const runs = await Promise.all([start(...args), start(...args)]);

  for (const { code, output } of runs) {
    expect(output).toContain("Reconciled: no money was lost or made");
    expect(code).toBe(0);
  }
  await database.drop();
}, 60_000);

it("finds money that was made, and a movement with one half", async () => {
  const database = await createDatabase(server);
  const store = await openBankStore(database.url);
  const { tally } = await runWorkload(store, { accounts: 4, workers: 8, seconds: 0.5 });
  expect(reconcile(await readLedger(store), tally.acknowledged).problems).toStrictEqual([]);

  const forged = { movement: "forged", amount: 1_000, with: "desk-none" };
  await store.append({
    streamId: "account-0001",
    expected: "stream-exists",
    events: [{ type: "Deposited", data: forged }],
  });

  const { problems } = reconcile(await readLedger(store), [...tally.acknowledged, "never stored"]);
  expect(problems).toStrictEqual([
    expect.stringContaining("10.00 were made"),
    "movement forged: has one half only: Deposited in account-0001",
    "movement never stored: acknowledged, but not in the log",
  ]);
  await store[Symbol.asyncDispose]();
  await database.drop();
}, 60_000);

it.each([
  [["--accounts", "1"], "--accounts must be a whole number from 2 to 10000"],
  [["--seconds", "soon"], "--seconds must be a whole number"],
  [["mysql://localhost/bank"], "must begin with postgres://"],
  [["--acounts", "5"], "--help"],
])("refuses %j and says what is right", async (args, message) => {
  const { code, output } = await start(...args);

  expect(code).toBe(2);
  expect(output).toContain(message);
});
