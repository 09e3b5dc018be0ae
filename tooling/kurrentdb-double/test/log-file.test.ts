import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startKurrentDouble } from "kurrentdb-double";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { collect, connect, numbered } from "./client.ts";

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kurrentdb-double-"));
  file = join(directory, "log");
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe("the file of a double", () => {
  it("gives the next one the same log, tombstones and limits included", async () => {
    const written = await use(async (client) => {
      await client.appendToStream("s", numbered(3));
      await client.setStreamMetadata("s", { maxCount: 2 });
      await client.appendToStream("gone", numbered(1));
      await client.tombstoneStream("gone");
    });

    const found = await use(async (client) => {
      expect(await collect(client.readStream("s"))).toHaveLength(2);
      await expect(client.appendToStream("gone", numbered(1))).rejects.toThrow();
    });

    expect(found).toEqual(written);
  });

  it("holds each append in one line, so that it is there as a whole or not at all", async () => {
    await use(async (client) => void (await client.appendToStream("s", numbered(3))));

    const lines = (await readFile(file, "utf8")).split("\n");

    // The server's own entry, the append, and nothing after the last line.
    expect(lines).toHaveLength(3);
  });

  it("may end in a line that was torn when the process was killed", async () => {
    await use(async (client) => void (await client.appendToStream("s", numbered(2))));
    await appendFile(file, '[{"id":"1b2c');

    await use(async (client) => {
      expect(await collect(client.readStream("s"))).toHaveLength(2);
      await client.appendToStream("s", numbered(1));
    });

    await use(async (client) => {
      expect(await collect(client.readStream("s"))).toHaveLength(3);
    });
  });
});

async function use(act: (client: ReturnType<typeof connect>["client"]) => Promise<void>): Promise<readonly unknown[]> {
  await using double = await startKurrentDouble({ file });
  await using connection = connect(double);
  await act(connection.client);
  return [...double.log];
}
