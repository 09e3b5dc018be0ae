// Appends until the disk is full, waits for room (a line on stdin), and appends again. Says what happened.
import { isEventSourcingError } from "@es/core";
import { given, say } from "test-helpers";
import { openSqliteEventStore } from "../../src/index.ts";

const { path } = given<{ path: string }>();
await using store = await openSqliteEventStore({ path, timeoutMs: 500 });
const acknowledged: string[] = [];

async function append(): Promise<void> {
  const id = crypto.randomUUID();
  const filler = { type: "Filler", data: "x".repeat(20_000) };
  await store.append({ streamId: "fill-1", expected: acknowledged.length * 2, events: [{ ...filler, id }, filler] });
  acknowledged.push(id);
}

let refusal: unknown;
for (let count = 0; refusal === undefined && count < 2_000; count += 1) {
  try {
    await append();
  } catch (error) {
    refusal = isEventSourcingError(error) ? { code: error.code, message: error.message } : String(error);
  }
}
say({ refusal });
await new Promise((resolve) => process.stdin.once("data", resolve));
process.stdin.destroy();
await append();
await append();
const stored: string[] = [];
let versions = 0;
for await (const page of store.readStream("fill-1")) {
  versions += page.length;
  stored.push(...page.filter(({ version }) => version % 2 === 1).map(({ id }) => id));
}
say({ acknowledged, stored, versions });
