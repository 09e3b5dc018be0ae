// Appends to streams that are shared with others and to one of its own, and says what was acknowledged.
import { isEventSourcingError } from "@es/core";
import { given, say } from "test-helpers";
import { openSqliteEventStore } from "../../src/index.ts";

const { path, name, appends, sharedStreams } = given<{
  path: string;
  name: string;
  appends: number;
  sharedStreams: number;
}>();
await using store = await openSqliteEventStore({ path, timeoutMs: 30_000 });
const acknowledged: { id: string; streamId: string; version: number; position: string }[] = [];
let conflicts = 0;
const startedAt = Date.now();

async function appendOne(streamId: string): Promise<void> {
  for (;;) {
    let version = 0;
    for await (const [newest] of store.readStream(streamId, { direction: "backward", limit: 1 }))
      version = newest?.version ?? 0;
    const id = crypto.randomUUID();
    try {
      const { position } = await store.append({
        streamId,
        expected: version,
        events: [{ id, type: "Written", data: { name, text: "x".repeat(100) } }],
      });
      acknowledged.push({ id, streamId, version: version + 1, position });
      return;
    } catch (error) {
      if (!isEventSourcingError(error, "ES_CONCURRENCY")) throw error;
      conflicts += 1;
    }
  }
}

async function work(lane: number): Promise<void> {
  for (let count = 0; count < appends; count += 1) {
    await appendOne(count % 2 === 0 ? `shared-${count % sharedStreams}` : `own-${name}-${lane}`);
  }
}

await Promise.all(Array.from({ length: 4 }, (_, lane) => work(lane)));
say({ name, acknowledged, conflicts, tookMs: Date.now() - startedAt });
