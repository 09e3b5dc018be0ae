import { describe, expect, it } from "vitest";
import { parsePostgresUrl } from "./open-from-url.ts";

describe("parsePostgresUrl", () => {
  it("takes the store's options out of the address, and leaves the driver its own", () => {
    expect(
      parsePostgresUrl(
        "postgres://u:p%40ss@h:5433/db?sslmode=verify-full&schema=shop&tags=true&timeoutMs=100&listen=false",
      ),
    ).toStrictEqual({
      url: "postgres://u:p%40ss@h:5433/db?sslmode=verify-full",
      schema: "shop",
      tags: true,
      timeoutMs: 100,
      listen: false,
    });
  });

  it("takes an address without options as it is", () => {
    expect(parsePostgresUrl("postgresql://localhost/db")).toStrictEqual({ url: "postgresql://localhost/db" });
  });

  it.each(["tags=yes", "timeoutMs=soon", "timeoutMs=-1", "schema=a&schema=b"])(
    "refuses %s without repeating the password",
    (query) => {
      const parse = (): unknown => parsePostgresUrl(`postgres://u:secret@h/db?${query}`);

      expect(parse).toThrow(expect.objectContaining({ code: "ES_CONFIGURATION" }));
      expect(parse).not.toThrow("secret");
    },
  );
});
