import { describe, expect, it } from "vitest";
import { assertPostgres, inspectServer } from "./inspect-server.ts";

const POSTGRES_15 = "PostgreSQL 15.20 (Debian 15.20-1) on x86_64-pc-linux-gnu";

function server(version: string, ...facts: readonly string[]): Parameters<typeof inspectServer>[0] {
  return async (statement) => [statement.text === "SELECT version()" ? [version] : [version, ...facts]];
}

describe("the server", () => {
  it.each([
    "CockroachDB CCL v24.1.0 (x86_64-pc-linux-gnu)",
    "PostgreSQL 11.2-YB-2.25.0.0-b0 on x86_64-pc-linux-gnu",
    "PostgreSQL 8.0.2 on i686-pc-linux-gnu, Redshift 1.0.1",
    "H2 2.2",
  ])("is refused when it is %s", (version) => {
    expect(() => assertPostgres(version)).toThrow("is not PostgreSQL");
  });

  it("is refused when it is too old, a standby, or cannot hold every text", async () => {
    const facts = ["false", "UTF8", "on", "on", ""] as const;
    const [, ...others] = facts;

    await expect(inspectServer(server("PostgreSQL 14.9", "140009", ...facts))).rejects.toThrow("15 or later");
    await expect(inspectServer(server(POSTGRES_15, "150020", "true", ...others))).rejects.toThrow("standby");
    await expect(inspectServer(server(POSTGRES_15, "150020", "false", "LATIN1", "on", "on", ""))).rejects.toThrow(
      "UTF8",
    );
    await expect(inspectServer(server(POSTGRES_15, "150020", ...facts))).resolves.toStrictEqual({
      fsync: "on",
      synchronousCommit: "on",
      standbys: "",
    });
  });
});
