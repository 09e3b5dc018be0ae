import { execFileSync } from "node:child_process";

/** The user that a server runs as. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user that servers run as when the tests run as root: PostgreSQL and PgBouncer refuse root. `undefined` when the tests
 * run as a plain user, since servers then run as the same user.
 */
export function findServerUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    try {
      const [uid, gid] = ["-u", "-g"].map((flag) =>
        Number(execFileSync("id", [flag, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })),
      );
      if (uid && gid) return { uid, gid };
    } catch {
      // No such user.
    }
  }
  throw new Error(
    "The tests run as root, which servers refuse, and there is neither a user postgres nor a user nobody.",
  );
}
