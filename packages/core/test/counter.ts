import * as z from "zod";
import {
  Aggregate,
  type AggregateDefinition,
  defineAggregate,
  defineEvents,
  type EventDetails,
  type EventOf,
} from "../src/index.ts";

export const counterEvents = defineEvents({
  Opened: z.object({ label: z.string() }),
  Added: z.object({ amount: z.number() }),
});
export type CounterEvent = EventOf<typeof counterEvents>;

const counterState = z.object({ label: z.string(), total: z.number(), amounts: z.array(z.number()).readonly() });
export type CounterState = z.output<typeof counterState>;

export class TooMuch extends Error {
  override readonly name = "TooMuch";
}

/** A decider. */
export const Counter = defineAggregate({
  name: "counter",
  events: counterEvents,
  state: counterState,
  commands: {
    Open: z.object({ label: z.string() }),
    Add: z.object({ amount: z.number() }),
    AddTwice: z.object({ amount: z.number() }),
    Nothing: z.object({}),
  },
  initialState: () => ({ label: "", total: 0, amounts: [] }),
  evolve: {
    Opened: (state, { data }) => ({ ...state, label: data.label }),
    Added: (state, { data }) => ({
      ...state,
      total: state.total + data.amount,
      amounts: [...state.amounts, data.amount],
    }),
  },
  decide: {
    Open: ({ data }) => ({ type: "Opened", data }),
    Add({ data }, state) {
      if (state.total + data.amount > 1_000) throw new TooMuch("a counter ends at 1000");
      return { type: "Added", data };
    },
    AddTwice: ({ data }) => [
      { type: "Added", data },
      { type: "Added", data },
    ],
    Nothing: () => undefined,
  },
});
export type Counter = InstanceType<typeof Counter>;

export type TallyCommand =
  | { readonly type: "Add"; readonly data: { readonly amounts: readonly number[] } }
  | { readonly type: "Open"; readonly data: { readonly label: string } };

export const tallyDefinition: AggregateDefinition<CounterState, CounterEvent> = {
  name: "tally",
  events: counterEvents,
  state: counterState,
  initialState: () => ({ label: "", total: 0, amounts: [] }),
};

/** The same as a class. An amount of 13 cannot be applied. */
export class Tally extends Aggregate<CounterState, CounterEvent, TallyCommand> {
  constructor(id: string) {
    super(id, tallyDefinition);
  }

  protected apply(state: CounterState, event: CounterEvent): CounterState {
    switch (event.type) {
      case "Opened":
        return { ...state, label: event.data.label };
      case "Added":
        if (event.data.amount === 13) throw new Error("13 cannot be applied");
        return { ...state, total: state.total + event.data.amount, amounts: [...state.amounts, event.data.amount] };
    }
  }

  execute(command: TallyCommand): void {
    if (command.type === "Open") return this.emit({ type: "Opened", data: command.data });
    this.emit(...command.data.amounts.map((amount) => ({ type: "Added", data: { amount } }) as const));
  }

  /** Emits an event as it is given. */
  emitAsGiven(event: CounterEvent & EventDetails): void {
    this.emit(event);
  }
}

/** `count` amounts of 1. */
export function ones(count: number): number[] {
  return Array.from({ length: count }, () => 1);
}
