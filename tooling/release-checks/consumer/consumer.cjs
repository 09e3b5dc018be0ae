const { strictEqual } = require("node:assert/strict");
const { createMemoryEventStore } = require("@es/store-memory");
const { openSqliteEventStore } = require("@es/store-sqlite");
const { START } = require("@es/core");

async function check(name, store) {
  await store.append({ streamId: "a-1", expected: "no-stream", events: [{ type: "Happened", data: { n: 1 } }] });
  let count = 0;
  for await (const page of store.readAll({ after: START })) count += page.events.length;
  strictEqual(count, 1);
  await store[Symbol.asyncDispose]();
  console.log(`require: ${name} works`);
}

async function main() {
  await check("memory", createMemoryEventStore());
  await check("sqlite", await openSqliteEventStore({ path: ":memory:" }));
}

void main();
