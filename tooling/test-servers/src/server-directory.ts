import { chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerUser } from "./server-user.ts";

/** Makes a temporary directory for one server, owned by the user that the server runs as. */
export async function createServerDirectory(kind: string, user: ServerUser | undefined): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), `es-${kind}-`));
  if (user !== undefined) await chown(directory, user.uid, user.gid);
  return directory;
}

/** Makes a directory below that of a server, with the same owner and closed to others. */
export async function createOwnedDirectory(path: string, user: ServerUser | undefined): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  if (user !== undefined) await chown(path, user.uid, user.gid);
}

/** Removes the directory of a server that has ended. */
export async function removeServerDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}
