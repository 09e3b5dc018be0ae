// Appends from several callers at once until it is killed, and says the ids of what was acknowledged.
import { given, idsOf, say, writeOf } from "test-helpers";
import { openPostgresEventStore } from "../../src/index.ts";

const { url, tags, name } = given<{ url: string; tags: boolean; name: string }>();
const store = await openPostgresEventStore({ url, tags });

async function write(caller: number): Promise<void> {
  const streamId = `${name}-${caller}`;
  for (let version = 0; ; version += 2) {
    const append = writeOf(streamId, version, 2);
    await store.append(append);
    say(idsOf(append));
  }
}

await Promise.all(Array.from({ length: 16 }, (_, caller) => write(caller)));
