// One writing process. It notes in its journal what it is about to append, appends, and notes the answer. When it was killed
// and starts again, it first repeats what had no answer.
import { type AppendOptions, isEventSourcingError, type Write } from "@es/core";
import { openSqliteEventStore } from "@es/store-sqlite";
import { type Intent, type IntendedWrite, LineWriter, type Outcome, readLines, unsettled } from "./journal.ts";

const LANES = 4;
const SHARED_STREAMS = 3;
const REFUSALS = ["ES_CONCURRENCY", "ES_CONDITION_FAILED"] as const;

const [path = "", journalPath = "", name = ""] = process.argv.slice(2);
const store = await openSqliteEventStore({ path, timeoutMs: 20_000 });
const interrupted = unsettled(readLines<Intent | Outcome>(journalPath));
const journal = new LineWriter<Intent | Outcome>(journalPath);
let count = 0;

function newIds(most: number): string[] {
  return Array.from({ length: 1 + Math.trunc(Math.random() * most) }, () => crypto.randomUUID());
}

async function versionOf(streamId: string): Promise<number> {
  for await (const [newest] of store.readStream(streamId, { direction: "backward", limit: 1 }))
    return newest?.version ?? 0;
  return 0;
}

const shared = (): string => `shared-${Math.trunc(Math.random() * SHARED_STREAMS)}`;

/** A single event, a batch, several streams or a condition, at random. */
async function nextIntent(lane: number): Promise<Intent> {
  count += 1;
  const op = `${name}-${process.pid}-${count}`;
  const own = `own-${name}-${lane}`;
  const at = async (streamId: string, most: number): Promise<IntendedWrite> => ({
    streamId,
    expected: await versionOf(streamId),
    ids: newIds(most),
  });
  switch (count % 4) {
    case 0:
      return { kind: "intent", op, lane, writes: [await at(own, 1)] };
    case 1:
      return { kind: "intent", op, lane, writes: [await at(shared(), 5)] };
    case 2:
      return {
        kind: "intent",
        op,
        lane,
        writes: [await at(own, 2), await at(shared(), 3), await at(`pair-${name}`, 1)],
      };
    default: {
      const after = await store.head();
      const tag = `slot:${Math.trunc(Math.random() * 4)}`;
      return {
        kind: "intent",
        op,
        lane,
        writes: [{ streamId: `slot-${name}`, expected: "any", ids: newIds(2) }],
        condition: { tag, after },
      };
    }
  }
}

async function append(intent: Intent, isRetry: boolean): Promise<void> {
  const { op, condition } = intent;
  const writes: Write[] = intent.writes.map(({ streamId, expected, ids }) => ({
    streamId,
    expected,
    events: ids.map((id) => ({ id, type: "Appended", data: { op }, ...(condition && { tags: [condition.tag] }) })),
  }));
  const options: AppendOptions =
    condition === undefined ? {} : { if: { none: { tags: [condition.tag] }, after: condition.after } };
  try {
    const { versions, position, duplicate } = await store.append(writes, options);
    journal.write({ kind: "acknowledged", op, versions, position, duplicate, isRetry });
  } catch (error) {
    const code = REFUSALS.find((refusal) => isEventSourcingError(error, refusal));
    if (code === undefined) throw error;
    journal.write({ kind: "refused", op, code });
  }
}

async function run(lane: number): Promise<never> {
  for (;;) {
    const intent = await nextIntent(lane);
    journal.write(intent);
    await append(intent, false);
  }
}

for (const intent of interrupted) await append(intent, true);
process.send?.("ready");
await Promise.all(Array.from({ length: LANES }, (_, lane) => run(lane)));
