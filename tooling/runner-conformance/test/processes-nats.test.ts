import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openNatsEventStore } from "@es/store-nats";
import Database from "better-sqlite3";
import { startNats } from "test-servers";
import { BALANCES_SQL, type BalanceRow, balancesOf } from "./child/balances.ts";
import { describeProcesses } from "./describe-processes.ts";

// NATS has no transactions, so the read model is in a SQLite file; the leases are in NATS.
describeProcesses("NATS", async () => {
  const server = await startNats();
  const folder = await mkdtemp(join(tmpdir(), "es-runners-"));
  const views = join(folder, "views.db");
  const view = new Database(views);
  view.pragma("journal_mode = WAL");
  view.exec(BALANCES_SQL);
  const store = await openNatsEventStore({ servers: server.url, name: "balances" });
  return {
    place: { kind: "nats", servers: server.url, views },
    store,
    read: async () => balancesOf(view.prepare<[], BalanceRow>("SELECT * FROM balances").all()),
    async [Symbol.asyncDispose]() {
      view.close();
      await store[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
