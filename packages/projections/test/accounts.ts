import { defineEvents, type EventStore } from "@es/core";
import * as z from "zod";

export const accountEvents = defineEvents({
  Opened: z.object({ owner: z.string() }),
  Deposited: z.object({ amount: z.number() }),
});

/** Appends deposits to a stream, each in an append of its own, and returns the position of the last. */
export async function deposit(store: EventStore<unknown>, streamId: string, ...amounts: number[]): Promise<string> {
  let position = "";
  for (const amount of amounts) {
    const events = [{ type: "Deposited", data: { amount } }];
    ({ position } = await store.append({ streamId, expected: "any", events }));
  }
  return position;
}
