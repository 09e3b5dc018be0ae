import { allEvents, createRepository, defineAggregate, defineEvents } from "@es/core";
import { createMemoryEventStore } from "@es/store-memory";
import * as z from "zod";

const money = z.object({ amount: z.number().positive() });

const Account = defineAggregate({
  name: "account",
  events: defineEvents({ Opened: z.object({ owner: z.string() }), Deposited: money, Withdrawn: money }),
  commands: { Open: z.object({ owner: z.string() }), Deposit: money, Withdraw: money },
  state: z.object({ owner: z.string().optional(), balance: z.number() }),
  initialState: () => ({ balance: 0 }),
  evolve: {
    Opened: (state, { data }) => ({ ...state, owner: data.owner }),
    Deposited: (state, { data }) => ({ ...state, balance: state.balance + data.amount }),
    Withdrawn: (state, { data }) => ({ ...state, balance: state.balance - data.amount }),
  },
  decide: {
    Open: ({ data }) => ({ type: "Opened", data }),
    Deposit: ({ data }) => ({ type: "Deposited", data }),
    Withdraw({ data }, state) {
      if (data.amount > state.balance) throw new Error("insufficient funds");
      return { type: "Withdrawn", data };
    },
  },
});

await using store = createMemoryEventStore();
const accounts = createRepository(store, Account);

await accounts.execute("42", { type: "Open", data: { owner: "Ada" } });
await accounts.execute("42", { type: "Deposit", data: { amount: 100 } });
await accounts.execute("42", { type: "Withdraw", data: { amount: 30 } });
await accounts.execute("42", { type: "Withdraw", data: { amount: 500 } }).catch((error) => console.log(String(error)));

const account = await accounts.load("42");
console.log(`${account.state.owner} has ${account.state.balance} after ${account.version} events:`);
for await (const event of allEvents(store)) console.log(event.version, event.type, event.data);
