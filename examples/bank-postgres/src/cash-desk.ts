import { defineAggregate, defineEvents } from "@es/core";
import * as z from "zod";
import { half } from "./movement.ts";

/** What is written down where money comes into the bank and leaves it. */
export const deskEvents = defineEvents({ CashReceived: half, CashPaid: half });

/** A cash desk. It keeps books of its own, so that there is something to compare the accounts with. */
export const CashDesk = defineAggregate({
  name: "desk",
  events: deskEvents,
  state: z.object({ cash: z.number() }).readonly(),
  commands: { TakeIn: half, PayOut: half },
  initialState: () => ({ cash: 0 }),
  evolve: {
    CashReceived: ({ cash }, { data }) => ({ cash: cash + data.amount }),
    CashPaid: ({ cash }, { data }) => ({ cash: cash - data.amount }),
  },
  decide: {
    TakeIn: ({ data }) => ({ type: "CashReceived", data }),
    // The bank has as many notes as it needs, so a desk may pay out more than it took in.
    PayOut: ({ data }) => ({ type: "CashPaid", data }),
  },
});
