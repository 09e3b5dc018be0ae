import { describe, expectTypeOf, it } from "vitest";
import * as z from "zod";
import { FakeEventStore, type FakeTx } from "../test/fake-event-store.ts";
import { given } from "./testing/index.ts";
import {
  Aggregate,
  type AggregateDefinition,
  type CommandOf,
  createRepository,
  dateCodec,
  defineAggregate,
  defineEvents,
  type EventOf,
  type EventStore,
  type JsonValue,
  type Recorded,
  type Schema,
  versioned,
} from "./index.ts";

const events = defineEvents({
  Opened: versioned(z.object({ name: z.string() }))
    .upcast(z.object({ first: z.string(), at: dateCodec() }), ({ name }) => ({
      first: name,
      at: "2024-01-01T00:00:00Z",
    }))
    .formerly("AccountOpened"),
  Deposited: z.object({ amount: z.number(), note: z.string().optional() }),
});
type AccountEvent = EventOf<typeof events>;

const commands = {
  Open: z.object({ first: z.string() }),
  Deposit: z.object({ amount: z.number(), on: dateCodec() }),
};

const state = z.object({ owner: z.string(), balance: z.number() });
type AccountState = z.output<typeof state>;

const spec = {
  name: "account",
  events,
  state,
  commands,
  initialState: () => ({ owner: "", balance: 0 }),
};

const Account = defineAggregate({
  ...spec,
  evolve: {
    Opened: (before, { data }) => ({ ...before, owner: data.first }),
    Deposited: (before, { data }) => ({ ...before, balance: before.balance + data.amount }),
  },
  decide: {
    Open: ({ data }) => ({ type: "Opened", data: { first: data.first, at: new Date() } }),
    Deposit: ({ data }) => ({ type: "Deposited", data: { amount: data.amount } }),
  },
});

declare const memory: EventStore;
const transactional = new FakeEventStore();

describe("events", () => {
  it("are a union that is told apart by type, in the form of the domain", () => {
    expectTypeOf<AccountEvent["type"]>().toEqualTypeOf<"Opened" | "Deposited">();
    expectTypeOf<Extract<AccountEvent, { type: "Opened" }>["data"]>().toEqualTypeOf<{ first: string; at: Date }>();
    expectTypeOf<Extract<AccountEvent, { type: "Deposited" }>["data"]>().toEqualTypeOf<{
      amount: number;
      note?: string | undefined;
    }>();
  });

  it("are created with the data of their type", () => {
    expectTypeOf(events.create("Deposited", { amount: 1 }).type).toEqualTypeOf<"Deposited">();
    expectTypeOf(events.create("Opened", { first: "Ada", at: new Date() }).data.at).toEqualTypeOf<Date>();
    expectTypeOf(events.types).toEqualTypeOf<readonly ("Opened" | "Deposited")[]>();

    // @ts-expect-error no such type
    events.create("Closed", {});
    // @ts-expect-error wrong data
    events.create("Deposited", { amount: "1" });
    // @ts-expect-error data of another type
    events.create("Deposited", { first: "Ada", at: new Date() });
    // @ts-expect-error the stored form instead of that of the domain
    events.create("Opened", { first: "Ada", at: "2024-01-01T00:00:00Z" });
    // @ts-expect-error a former name
    events.create("AccountOpened", { first: "Ada", at: new Date() });
  });

  it("keep their envelope when they are decoded", () => {
    expectTypeOf(events.decode).returns.toEqualTypeOf<Recorded<AccountEvent>>();
    expectTypeOf<Recorded<AccountEvent>["position"]>().toEqualTypeOf<string>();
    expectTypeOf<Extract<Recorded<AccountEvent>, { type: "Opened" }>["data"]["at"]>().toEqualTypeOf<Date>();
  });

  it("come from any Standard Schema", () => {
    const counted: Schema<string, number> = {
      "~standard": { version: 1, vendor: "test", validate: () => ({ value: 1 }) },
    };
    const family = defineEvents({ Counted: counted });

    expectTypeOf<EventOf<typeof family>>().toEqualTypeOf<{ readonly type: "Counted"; readonly data: number }>();
  });
});

describe("upcasters", () => {
  it("get the stored form of one version and return that of the next", () => {
    const chain = versioned(z.object({ at: dateCodec() })).upcast(
      z.object({ at: dateCodec(), by: z.string() }),
      (data) => {
        expectTypeOf(data).toEqualTypeOf<{ at: string }>();
        return { ...data, by: "unknown" };
      },
    );

    // @ts-expect-error the next version needs more
    chain.upcast(z.object({ at: z.string(), by: z.string(), why: z.string() }), (data) => data);
    // @ts-expect-error there is no such member in the version before
    chain.upcast(z.object({ who: z.string() }), (data) => ({ who: data.who }));
    // @ts-expect-error the form of the domain instead of the stored one
    chain.upcast(z.object({ at: dateCodec() }), () => ({ at: new Date() }));
  });
});

describe("a decider", () => {
  it("has its state, events and commands inferred", () => {
    const account = new Account("1");

    expectTypeOf(account.state).toEqualTypeOf<AccountState>();
    expectTypeOf(account.pendingEvents).toEqualTypeOf<readonly AccountEvent[]>();
    expectTypeOf<CommandOf<typeof account>>().toEqualTypeOf<
      | { readonly type: "Open"; readonly data: { first: string }; readonly id?: string }
      | { readonly type: "Deposit"; readonly data: { amount: number; on: Date }; readonly id?: string }
    >();
    expectTypeOf(account.dumpState()).toEqualTypeOf<JsonValue>();
  });

  it("refuses a handler too few, one too many and one of the wrong kind", () => {
    const decide = () => undefined;
    const evolve = (before: AccountState): AccountState => before;
    const both = { Opened: evolve, Deposited: evolve };

    defineAggregate({ ...spec, decide, evolve: both });
    // @ts-expect-error Deposited is missing
    defineAggregate({ ...spec, decide, evolve: { Opened: evolve } });
    defineAggregate({
      ...spec,
      decide,
      // @ts-expect-error there is no event Closed
      evolve: { Opened: evolve, Deposited: evolve, Closed: evolve },
    });
    // @ts-expect-error it returns another state
    defineAggregate({ ...spec, decide, evolve: { Opened: evolve, Deposited: () => ({ balance: 1 }) } });
    // @ts-expect-error Deposit is missing
    defineAggregate({ ...spec, evolve: both, decide: { Open: decide } });
    defineAggregate({
      ...spec,
      evolve: both,
      // @ts-expect-error there is no command Close
      decide: { Open: decide, Deposit: decide, Close: decide },
    });
    // @ts-expect-error the initial state is not one
    defineAggregate({ ...spec, evolve: both, decide, initialState: () => ({ owner: 1, balance: 0 }) });
  });

  it("refuses a decision for an event that does not exist, or with wrong data", () => {
    const evolve = (before: AccountState): AccountState => before;
    const Deposit = () => undefined;

    // @ts-expect-error there is no event Closed
    defineAggregate({ ...spec, evolve, decide: { Deposit, Open: () => ({ type: "Closed", data: {} }) } });
    defineAggregate({
      ...spec,
      evolve,
      // @ts-expect-error the amount is a number
      decide: { Deposit, Open: () => ({ type: "Deposited", data: { amount: "1" } }) },
    });
    // @ts-expect-error data of another type
    defineAggregate({ ...spec, evolve, decide: { Deposit, Open: () => [{ type: "Opened", data: { amount: 1 } }] } });
  });

  it("refuses a wrong command", () => {
    const account = new Account("1");

    account.execute({ type: "Open", data: { first: "Ada" } });
    // @ts-expect-error no such command
    account.execute({ type: "Close", data: {} });
    // @ts-expect-error wrong data
    account.execute({ type: "Open", data: { first: 1 } });
    // @ts-expect-error data of another command
    account.execute({ type: "Open", data: { amount: 1, on: new Date() } });
  });

  it("does not let its state be changed from outside", () => {
    const account = new Account("1");

    // @ts-expect-error read-only
    account.state = { owner: "", balance: 1 };
    // @ts-expect-error read-only
    account.version = 1;
    // @ts-expect-error read-only
    account.pendingEvents.push();
  });
});

describe("a class", () => {
  const definition: AggregateDefinition<AccountState, AccountEvent> = {
    name: "account",
    events,
    state,
    initialState: spec.initialState,
  };

  it("must handle every event", () => {
    class Complete extends Aggregate<AccountState, AccountEvent> {
      constructor(id: string) {
        super(id, definition);
      }
      protected apply(before: AccountState, event: AccountEvent): AccountState {
        switch (event.type) {
          case "Opened":
            return { ...before, owner: event.data.first };
          case "Deposited":
            return { ...before, balance: before.balance + event.data.amount };
        }
      }
      execute(): void {
        this.emit({ type: "Deposited", data: { amount: 1 } });
        // @ts-expect-error no such event
        this.emit({ type: "Closed", data: {} });
        // @ts-expect-error wrong data
        this.emit({ type: "Deposited", data: { amount: "1" } });
      }
    }
    class Incomplete extends Complete {
      // @ts-expect-error Deposited is not handled, so the end can be reached
      protected override apply(before: AccountState, event: AccountEvent): AccountState {
        if (event.type === "Opened") return before;
      }
    }

    expectTypeOf(new Incomplete("1").state).toEqualTypeOf<AccountState>();
  });

  it("needs a definition of its own state and events", () => {
    const other = defineEvents({ Other: z.object({}) });

    // @ts-expect-error events of another family
    ({ name: "account", events: other, state, initialState: spec.initialState }) satisfies AggregateDefinition<
      AccountState,
      AccountEvent
    >;
    // @ts-expect-error a state of another shape
    ({ name: "account", events, state: z.object({}), initialState: spec.initialState }) satisfies AggregateDefinition<
      AccountState,
      AccountEvent
    >;
  });
});

describe("a repository", () => {
  it("loads and changes its own kind of aggregate", () => {
    const accounts = createRepository(memory, Account);

    expectTypeOf(accounts.load).returns.resolves.toEqualTypeOf<InstanceType<typeof Account>>();
    expectTypeOf(accounts.find).returns.resolves.toEqualTypeOf<InstanceType<typeof Account> | undefined>();
    void accounts.update("1", (account) => {
      expectTypeOf(account.state).toEqualTypeOf<AccountState>();
    });
  });

  it("executes the commands of its aggregate only", () => {
    const accounts = createRepository(memory, Account);

    void accounts.execute("1", { type: "Deposit", data: { amount: 1, on: new Date() } });
    // @ts-expect-error no such command
    void accounts.execute("1", { type: "Close", data: {} });
    // @ts-expect-error wrong data
    void accounts.execute("1", { type: "Deposit", data: { amount: "1", on: new Date() } });
  });

  it("refuses an aggregate of another kind", () => {
    class Other extends Aggregate<{ readonly other: true }, AccountEvent> {
      protected apply(before: { readonly other: true }): { readonly other: true } {
        return before;
      }
      execute(): void {}
    }
    const accounts = createRepository(memory, Account);

    const other = new Other("1", {
      name: "other",
      events,
      state: z.object({ other: z.literal(true) }),
      initialState: () => ({ other: true }),
    });

    // @ts-expect-error another state
    void accounts.save(other);
  });

  it("takes the transaction of its store, and none where there is none", () => {
    const inTransactions = createRepository(transactional, Account);
    const without = createRepository(memory, Account);
    const tx: FakeTx = { name: "tx" };

    void inTransactions.save(inTransactions.create("1"), { tx });
    // @ts-expect-error not a transaction of this store
    void inTransactions.save(inTransactions.create("1"), { tx: "tx" });
    // @ts-expect-error the store has no transactions
    void without.save(without.create("1"), { tx });
    // @ts-expect-error the store has no transactions
    void memory.append({ streamId: "a-1", expected: 0, events: [] }, { tx });
  });
});

describe("given, when, then", () => {
  it("know the events, commands and state of the aggregate", () => {
    given(Account, { type: "Opened", data: { first: "Ada", at: new Date() } })
      .when({ type: "Deposit", data: { amount: 1, on: new Date() } })
      .thenEmits({ type: "Deposited", data: { amount: 1 } })
      .thenState({ owner: "Ada", balance: 1 });
    // @ts-expect-error no such event
    given(Account, { type: "Closed", data: {} });
    // @ts-expect-error no such command
    given(Account).when({ type: "Close", data: {} });
    const opening = given(Account).when({ type: "Open", data: { first: "Ada" } });
    // @ts-expect-error no such event
    opening.thenEmits({ type: "Closed", data: {} });
    // @ts-expect-error another state
    given(Account).thenState({ owner: "Ada" });
  });
});

describe("literals in a decider", () => {
  const family = defineEvents({ Placed: z.object({ kind: z.enum(["x", "y"]) }), Paid: z.object({}) });
  const base = {
    name: "order",
    events: family,
    state: z.object({ status: z.enum(["none", "open", "paid"]) }),
    commands: { Place: z.object({}) },
  };

  it("are kept, also in functions without parameters", () => {
    const Order = defineAggregate({
      ...base,
      initialState: () => ({ status: "none" }),
      evolve: { Placed: (before) => ({ ...before, status: "open" }), Paid: () => ({ status: "paid" }) },
      decide: { Place: () => ({ type: "Placed", data: { kind: "x" } }) },
    });

    expectTypeOf(new Order("1").state.status).toEqualTypeOf<"none" | "open" | "paid">();
  });

  it("do not get in the way of a sum", () => {
    const Cart = defineAggregate({
      ...base,
      events: defineEvents({ Filled: z.object({ prices: z.array(z.number()) }), Emptied: z.object({}) }),
      state: z.object({ total: z.number() }),
      initialState: () => ({ total: 0 }),
      evolve: {
        Filled: (_before, { data }) => ({ total: data.prices.reduce((sum, price) => sum + price, 0) }),
        Emptied: () => ({ total: [1, 2].reduce((sum, price) => sum - price, 3) }),
      },
      decide: { Place: () => ({ type: "Emptied", data: {} }) },
    });

    expectTypeOf(new Cart("1").state.total).toEqualTypeOf<number>();
  });

  it("are refused when they are not in the schema", () => {
    defineAggregate({
      ...base,
      // @ts-expect-error no such status
      initialState: () => ({ status: "nope" }),
      evolve: {
        Placed: (before) => before,
        // @ts-expect-error no such status
        Paid: () => ({ status: "nope" }),
      },
      decide: {
        // @ts-expect-error no such kind
        Place: () => ({ type: "Placed", data: { kind: "z" } }),
      },
    });
  });
});
