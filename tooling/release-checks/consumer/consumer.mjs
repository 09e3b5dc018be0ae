import { strictEqual } from "node:assert/strict";
import { createRepository, defineAggregate, defineEvents, openEventStore } from "@es/core";
import { given } from "@es/core/testing";
import * as z from "zod";

const events = defineEvents({ Counted: z.object({ by: z.number() }) });
const Counter = defineAggregate({
  name: "counter",
  events,
  state: z.object({ total: z.number() }),
  commands: { Count: z.object({ by: z.number() }) },
  initialState: () => ({ total: 0 }),
  evolve: { Counted: (state, { data }) => ({ total: state.total + data.by }) },
  decide: { Count: ({ data }) => ({ type: "Counted", data }) },
});
given(Counter)
  .when({ type: "Count", data: { by: 2 } })
  .thenEmits({ type: "Counted", data: { by: 2 } });

for (const url of ["memory:", "sqlite::memory:", "sqlite:./events.db"]) {
  const store = await openEventStore(url);
  const counters = createRepository(store, Counter);
  await counters.execute("1", { type: "Count", data: { by: 2 } });
  await counters.execute("1", { type: "Count", data: { by: 3 } });
  strictEqual((await counters.load("1")).state.total, 5);
  await store[Symbol.asyncDispose]();
  console.log(`import: ${url} works`);
}
await import("@es/core/adapter");
