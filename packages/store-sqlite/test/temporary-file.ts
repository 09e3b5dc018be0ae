import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A path for a database in a new directory, which is removed with everything in it when the test is over. */
export async function temporaryFile(
  name = "events.db",
): Promise<{ readonly path: string; [Symbol.asyncDispose](): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "es-sqlite-"));
  return {
    path: join(directory, name),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
