import { randomUUID } from "node:crypto";
import { KurrentDBClient } from "@kurrent/kurrentdb-client";
import { type Personality, startKurrentDouble } from "kurrentdb-double";
import { afterAll } from "vitest";
import { type KurrentDbEventStore, type KurrentDbEventStoreOptions, openKurrentDbEventStore } from "../../src/index.ts";

/** What the tests of this folder run against. They see its wire only: nothing here may ask a double for anything. */
export interface ServerUnderTest {
  readonly label: string;
  readonly connectionString: string;
  /** What it can do, as the store says. */
  readonly hasSeveralStreams: boolean;
  readonly hasStreamChecks: boolean;
}

/** A store of its own on the server, and a client beside it. */
export interface Opened extends AsyncDisposable {
  readonly name: string;
  readonly store: KurrentDbEventStore;
  readonly client: KurrentDBClient;
  /** What the server calls a stream of the store. */
  stream(streamId: string): string;
}

/** Enough for a server that is busy. */
export const TIMEOUT_MS = 15_000;

/** The server that KURRENTDB_URL names; without it a double of each kind, for as long as the tests of the file. */
export async function serversUnderTest(
  personalities: readonly Personality[] = ["24.10", "current", "26.2"],
): Promise<readonly ServerUnderTest[]> {
  const url = process.env["KURRENTDB_URL"];
  if (url !== undefined) return [await describeServer("the server at KURRENTDB_URL", url)];
  return await Promise.all(
    personalities.map(async (personality) => {
      const double = await startKurrentDouble({ personality });
      afterAll(() => double[Symbol.asyncDispose]());
      return await describeServer(`a double of ${personality}`, double.connectionString);
    }),
  );
}

/** A name for a store that no other test has. */
export function newName(): string {
  return `t_${randomUUID().replaceAll("-", "")}`;
}

export async function open(
  { connectionString }: ServerUnderTest,
  options: Partial<KurrentDbEventStoreOptions> = {},
): Promise<Opened> {
  const name = newName();
  const store = await openKurrentDbEventStore({ connectionString, name, timeoutMs: TIMEOUT_MS, ...options });
  const client = KurrentDBClient.connectionString(connectionString);
  return {
    name,
    store,
    client,
    stream: (streamId) => `${name}.${streamId}`,
    async [Symbol.asyncDispose]() {
      await client.dispose();
      await store[Symbol.asyncDispose]();
    },
  };
}

async function describeServer(label: string, connectionString: string): Promise<ServerUnderTest> {
  await using probe = await openKurrentDbEventStore({ connectionString, name: "probe", timeoutMs: TIMEOUT_MS });
  const { atomicStreams, conditions } = probe.capabilities;
  return { label, connectionString, hasSeveralStreams: atomicStreams > 1, hasStreamChecks: conditions === "stream" };
}
