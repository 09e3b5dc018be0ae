import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunnerConformanceOptions } from "@es/projections/conformance";
import { openSqliteEventStore } from "@es/store-sqlite";

/** Runners over SQLite, each time in a temporary file. */
export const sqliteOptions: RunnerConformanceOptions = {
  declares: { transactions: true, shared: true, durability: "buffered" },
  open: async () => {
    const directory = await mkdtemp(join(tmpdir(), "es-runners-"));
    const open = () => openSqliteEventStore({ path: join(directory, "events.db"), synchronous: "NORMAL" });
    const store = await open();
    return {
      store,
      openAgain: open,
      transaction: (work) => store.transaction(work),
      close: () => rm(directory, { recursive: true, force: true }),
    };
  },
};
