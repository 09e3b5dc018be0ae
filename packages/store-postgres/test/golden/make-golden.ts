import { writeOf } from "test-helpers";
// Writes the golden file of the format that the package writes now. Run it once for each new format, and never again.
import { writeFile } from "node:fs/promises";
import { startPostgres } from "test-servers";
import { FORMAT } from "../../src/schema.ts";
import { openDatabase } from "../database.ts";
import { dump } from "../dump.ts";
import { GOLDEN_WRITES } from "./golden-events.ts";

await using server = await startPostgres({ version: "oldest" });
await using database = await openDatabase(server);
const store = await database.open({ tags: true });
const [first, ...others] = GOLDEN_WRITES;
if (first !== undefined) await store.append(first);
await store
  .transaction(async (tx) => {
    await store.append(writeOf("lost-1", 0, 3), { tx });
    throw new Error("leaves a gap in the positions");
  })
  .catch(() => undefined);
await store.append(others);
await store.registers.set("kept", "value \u0000 ü");
await store.registers.set("kept", "second");
await store.registers.set("deleted", "x");
await store.registers.delete("deleted");
const sql = await dump(server, database.url);
// Meta-commands of psql, whose token is another each time.
await writeFile(new URL(`format-${FORMAT}.sql`, import.meta.url), sql.replaceAll(/^\\.*\n/gm, ""));
