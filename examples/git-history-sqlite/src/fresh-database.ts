import { existsSync, rmSync } from "node:fs";
import { START } from "@es/core";
import { openSqliteEventStore } from "@es/store-sqlite";
import { Failure } from "./failure.ts";
import { hasImport } from "./import-progress.ts";

/**
 * Deletes a database of this program, so that the import starts again.
 * @throws Failure, or an error of the store, when the file is something else, which is then left alone
 */
export async function deleteDatabase(path: string): Promise<void> {
  if (!existsSync(path)) return;
  {
    await using store = await openSqliteEventStore({ path });
    const isOurs = (await hasImport(store)) || (await store.head()) === START;
    if (!isOurs) throw new Failure(`${path} holds other events than those of this program; delete it yourself`);
  }
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}
