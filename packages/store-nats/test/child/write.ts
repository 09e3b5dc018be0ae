// Appends without end, saying what it sends before, and what was acknowledged after.
import { given, say } from "test-helpers";
import { openNatsEventStore } from "../../src/index.ts";

const { servers, name, round } = given<{ servers: string; name: string; round: number }>();
const store = await openNatsEventStore({ servers, name });

async function work(lane: number): Promise<void> {
  const streamId = `s-${round}-${lane}`;
  for (let expected = 0; ; expected += 1) {
    const id = crypto.randomUUID();
    say({ sent: id, streamId, expected });
    const { position } = await store.append({ streamId, expected, events: [{ id, type: "Written", data: {} }] });
    say({ acknowledged: id, position });
  }
}

await Promise.all(Array.from({ length: 40 }, (_, lane) => work(lane)));
