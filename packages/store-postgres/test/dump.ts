import { execFile, spawn } from "node:child_process";
import { access } from "node:fs/promises";
import { promisify } from "node:util";
import type { PostgresServer } from "test-servers";

/** The schema `es` of a database, as SQL. */
export async function dump(server: PostgresServer, url: string): Promise<string> {
  const command = await find("pg_dump", server);
  const { stdout } = await promisify(execFile)(command, ["--schema=es", "--inserts", "--no-owner", url], {
    maxBuffer: 1 << 28,
  });
  return stdout;
}

/** Runs the SQL of a dump. */
export async function restore(server: PostgresServer, url: string, sql: string): Promise<void> {
  const child = spawn(await find("psql", server), ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", url], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (text) => {
    errors += String(text);
  });
  child.stdin.end(sql);
  const code = await new Promise((resolve) => {
    child.on("close", resolve);
  });
  if (code !== 0) throw new Error(`psql ended with ${String(code)}: ${errors}`);
}

async function find(name: string, { version }: PostgresServer): Promise<string> {
  const path = `/usr/lib/postgresql/${version.split(".")[0]}/bin/${name}`;
  try {
    await access(path);
    return path;
  } catch {
    // Whatever is on the PATH will do, unless it is older than the server.
    return name;
  }
}
