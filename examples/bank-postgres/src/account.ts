import { defineAggregate, defineEvents } from "@es/core";
import * as z from "zod";
import { half } from "./movement.ts";

/** What can happen to a bank account. */
export const accountEvents = defineEvents({
  Opened: z.object({}),
  Deposited: half,
  Withdrawn: half,
  TransferSent: half,
  TransferReceived: half,
});

/** The bank does not do what was asked. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** A bank account that is never overdrawn. */
export const Account = defineAggregate({
  name: "account",
  events: accountEvents,
  state: z.object({ isOpen: z.boolean(), balance: z.number() }).readonly(),
  commands: { Open: z.object({}), Deposit: half, Withdraw: half, Send: half, Receive: half },
  initialState: () => ({ isOpen: false, balance: 0 }),
  evolve: {
    Opened: (state) => ({ ...state, isOpen: true }),
    Deposited: (state, { data }) => ({ ...state, balance: state.balance + data.amount }),
    Withdrawn: (state, { data }) => ({ ...state, balance: state.balance - data.amount }),
    TransferSent: (state, { data }) => ({ ...state, balance: state.balance - data.amount }),
    TransferReceived: (state, { data }) => ({ ...state, balance: state.balance + data.amount }),
  },
  decide: {
    Open: (_command, { isOpen }) => (isOpen ? undefined : { type: "Opened", data: {} }),
    Deposit({ data }, { isOpen }) {
      assertOpen(isOpen);
      return { type: "Deposited", data };
    },
    Withdraw({ data }, { isOpen, balance }) {
      assertOpen(isOpen);
      assertCovered(balance, data.amount);
      return { type: "Withdrawn", data };
    },
    Send({ data }, { isOpen, balance }) {
      assertOpen(isOpen);
      assertCovered(balance, data.amount);
      return { type: "TransferSent", data };
    },
    Receive({ data }, { isOpen }) {
      assertOpen(isOpen);
      return { type: "TransferReceived", data };
    },
  },
});

function assertOpen(isOpen: boolean): void {
  if (!isOpen) throw new Refusal("the account is not open");
}

function assertCovered(balance: number, amount: number): void {
  if (amount > balance) throw new Refusal(`${amount} is more than the account has, ${balance}`);
}
