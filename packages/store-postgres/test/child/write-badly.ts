// Appends in every way there is, most of them inconvenient for readers, until it has committed so many events.
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isEventSourcingError, type Write } from "@es/core";
import pg from "pg";
import { given, say } from "test-helpers";
import { openPostgresEventStore, type PostgresClient } from "../../src/index.ts";
import { newEvent } from "../new-event.ts";

const { url, events, writers, streams } = given<{ url: string; events: number; writers: number; streams: number }>();
await using store = await openPostgresEventStore({
  url,
  writeConnections: 2,
  transactionConnections: writers,
  timeoutMs: 20_000,
});
let committed = 0;

function randomWrite(): Write {
  const count = randomInt(1, 6);
  return {
    streamId: `s-${randomInt(streams)}`,
    expected: "any",
    events: Array.from({ length: count }, () => newEvent()),
  };
}

async function appendAll(tx: PostgresClient, isEarly: boolean): Promise<number> {
  // A transaction id that is older than those of others who append before it.
  if (isEarly) await tx.query("SELECT pg_current_xact_id()");
  await sleep(randomInt(20));
  let count = 0;
  for (let appends = randomInt(1, 3); appends > 0; appends -= 1) {
    const write = randomWrite();
    await store.append(write, { tx });
    count += write.events.length;
    await sleep(randomInt(100) < 5 ? randomInt(200) : randomInt(10));
  }
  if (randomInt(7) === 0) throw new Error("rolled back");
  return count;
}

async function ownTransaction(client: pg.Client): Promise<number> {
  await client.query("BEGIN");
  try {
    const count = await appendAll(client, true);
    await client.query("COMMIT");
    return count;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}

async function act(client: pg.Client): Promise<number> {
  const choice = randomInt(10);
  if (choice < 2) return store.transaction((tx) => appendAll(tx, choice === 0));
  if (choice < 3) return ownTransaction(client);
  if (choice < 4) {
    const writes = [...new Map([randomWrite(), randomWrite()].map((write) => [write.streamId, write])).values()];
    await store.append(writes);
    return writes.reduce((sum, write) => sum + write.events.length, 0);
  }
  const write = randomWrite();
  await store.append(write);
  return write.events.length;
}

async function writer(): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  while (committed < events) {
    try {
      const count = await act(client);
      committed += count;
    } catch (error) {
      // Rolled back on purpose, or the victim of a deadlock between two transactions over the same streams.
      const isExpected = isEventSourcingError(error)
        ? error.code === "ES_STORE_UNAVAILABLE"
        : error instanceof Error && error.message === "rolled back";
      if (!isExpected) throw error;
    }
  }
  await client.end();
}

await Promise.all(Array.from({ length: writers }, writer));
say({ committed });
