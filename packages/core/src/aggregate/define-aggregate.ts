import { ConfigurationError } from "../errors/configuration-error.ts";
import { InvalidCommandError } from "../errors/aggregate-errors.ts";
import { MissingHandlerError } from "../errors/event-errors.ts";
import type { EventFamily } from "../events/define-events.ts";
import type { DomainEvent, EventDetails, EventSchemas, EventsOf } from "../events/event-types.ts";
import { decodeWith, encodeWith, type OutputOf, type Schema, SchemaMismatch } from "../events/schema.ts";
import type { CurrentSchemaOf } from "../events/event-types.ts";
import type { VersionedSchema } from "../events/versioned.ts";
import { Aggregate } from "./aggregate.ts";
import type { AggregateDefinition, DomainCommand } from "./aggregate-definition.ts";
import type { Returning } from "./returning.ts";

/** Command types and their schemas. */
export type CommandSchemas = { readonly [type: string]: Schema };

/** The union of commands that a map of schemas describes, discriminated on `type`. */
export type CommandsOf<C extends CommandSchemas> = {
  [Type in keyof C & string]: { readonly type: Type; readonly data: OutputOf<C[Type]>; readonly id?: string };
}[keyof C & string];

/** The member of a union with this `type`. */
export type OfType<Union extends { readonly type: string }, Type> = Extract<Union, { readonly type: Type }>;

/** How the state follows from the events: one pure function for each event type, or one for all. */
export type Evolve<State, Event extends DomainEvent> =
  | { readonly [Type in Event["type"]]: Returning<[state: State, event: OfType<Event, Type>], State> }
  | Returning<[state: State, event: Event], State>;

/** What a decision leads to: no event, one, or several. */
export type Decision<Event extends DomainEvent> =
  | (Event & EventDetails)
  | readonly (Event & EventDetails)[]
  | undefined;

/** How commands are decided: one pure function for each command type, or one for all. A refusal is a thrown error. */
export type Decide<State, Event extends DomainEvent, Command extends DomainCommand> =
  | { readonly [Type in Command["type"]]: Returning<[command: OfType<Command, Type>, state: State], Decision<Event>> }
  | Returning<[command: Command, state: State], Decision<Event>>;

/** What {@link defineAggregate} takes. */
export interface AggregateSpec<
  S extends EventSchemas,
  StateOfSchema extends Schema | VersionedSchema,
  C extends CommandSchemas,
> {
  /** The category of its streams, without `-`. Part of every stored stream id: never change it. */
  readonly name: string;
  /** The events that it emits. */
  readonly events: EventFamily<S>;
  /** Shape of the state, for snapshots. */
  readonly state: StateOfSchema;
  /**
   * Raise it when `evolve` changes its meaning, so that older snapshots are ignored and rebuilt.
   * @defaultValue 1
   */
  readonly stateVersion?: number;
  /** The commands that it decides about. */
  readonly commands: C;
  /** The state before the first event. */
  readonly initialState: Returning<[], OutputOf<CurrentSchemaOf<StateOfSchema>>>;
  /** The state that follows from a state and an event. */
  readonly evolve: Evolve<OutputOf<CurrentSchemaOf<StateOfSchema>>, EventsOf<S>>;
  /** The events that follow from a command and a state. */
  readonly decide: Decide<OutputOf<CurrentSchemaOf<StateOfSchema>>, EventsOf<S>, CommandsOf<C>>;
}

/** An aggregate made by {@link defineAggregate}: a class whose instances decide and evolve with plain functions. */
export interface DeciderAggregate<State, Event extends DomainEvent, Command extends DomainCommand> {
  /** A new aggregate of this kind. Nothing is stored. */
  new (id: string): Aggregate<State, Event, Command>;
  /** What the engine knows about it. */
  readonly definition: AggregateDefinition<State, Event>;
  /** The state before the first event. */
  initialState(): State;
  /** The state after an event. @throws MissingHandlerError */
  evolve(state: State, event: Event): State;
  /** The events that a command leads to. @throws InvalidCommandError, or what the handler throws */
  decide(command: Command, state: State): readonly (Event & EventDetails)[];
}

/**
 * Declares an aggregate as a decider: `decide` says which events follow from a command, `evolve` which state follows from
 * an event, both as plain functions. State, events and commands are inferred from the schemas.
 *
 * @example
 * ```ts
 * const Account = defineAggregate({
 *   name: "account",
 *   events: accountEvents,
 *   state: z.object({ balance: z.number() }),
 *   commands: { Deposit: z.object({ amount: z.number().positive() }) },
 *   initialState: () => ({ balance: 0 }),
 *   evolve: { Deposited: (state, { data }) => ({ balance: state.balance + data.amount }) },
 *   decide: { Deposit: ({ data }) => ({ type: "Deposited", data: { amount: data.amount } }) },
 * });
 * ```
 * @throws ConfigurationError when the name is not a category
 */
export function defineAggregate<
  S extends EventSchemas,
  StateOfSchema extends Schema | VersionedSchema,
  C extends CommandSchemas,
>(
  spec: AggregateSpec<S, StateOfSchema, C>,
): DeciderAggregate<OutputOf<CurrentSchemaOf<StateOfSchema>>, EventsOf<S>, CommandsOf<C>>;
export function defineAggregate(spec: UntypedSpec): DeciderAggregate<unknown, DomainEvent, DomainCommand> {
  if (spec.name === "" || spec.name.includes("-")) {
    throw new ConfigurationError(`the aggregate name ${JSON.stringify(spec.name)} must be non-empty and without "-"`);
  }
  const definition: AggregateDefinition<unknown, DomainEvent> = {
    name: spec.name,
    events: spec.events,
    state: spec.state,
    initialState: spec.initialState,
    ...(spec.stateVersion === undefined ? {} : { stateVersion: spec.stateVersion }),
  };

  function evolve(state: unknown, event: DomainEvent): unknown {
    const handler = handlerFor(spec.evolve, event.type);
    if (handler === undefined) {
      throw new MissingHandlerError(
        { eventType: event.type },
        `has no handler in "evolve" of aggregate ${JSON.stringify(spec.name)}; add one that returns the next state`,
      );
    }
    return handler(state, event);
  }

  function decide(command: DomainCommand, state: unknown): readonly (DomainEvent & EventDetails)[] {
    const checked = checkCommand(spec, command);
    const handler = handlerFor(spec.decide, command.type);
    if (handler === undefined) {
      throw new InvalidCommandError(
        command.type,
        `has no handler in "decide" of aggregate ${JSON.stringify(spec.name)}; add one that returns the events`,
      );
    }
    const decision = handler(checked, state);
    if (decision === undefined) return [];
    if (decision instanceof Promise) {
      // What it comes to is of no use any more, and must not end the process when it fails.
      decision.catch(() => undefined);
      throw new ConfigurationError(
        `"decide" of aggregate ${JSON.stringify(spec.name)} returned a promise for command ${JSON.stringify(command.type)}; ` +
          "it must decide at once, so fetch what it needs before and pass it in the command",
      );
    }
    return isList(decision) ? decision : [decision];
  }

  return class extends Aggregate<unknown, DomainEvent> {
    static readonly definition = definition;
    static readonly initialState = spec.initialState;
    static readonly evolve = evolve;
    static readonly decide = decide;

    // The name that stack traces and logs show.
    static {
      Object.defineProperty(this, "name", { value: spec.name });
    }

    constructor(id: string) {
      super(id, definition);
    }

    protected override apply(state: unknown, event: DomainEvent): unknown {
      return evolve(state, event);
    }

    override execute(command: DomainCommand): void {
      const events = decide(command, this.state);
      const { id } = command;
      this.emit(...(id === undefined ? events : events.map((event) => withCause(event, id))));
    }
  };
}

/** {@link AggregateSpec} as the engine sees it: the types were checked where the aggregate was declared. */
interface UntypedSpec {
  readonly name: string;
  readonly events: AggregateDefinition<unknown, DomainEvent>["events"];
  readonly state: AggregateDefinition<unknown, DomainEvent>["state"];
  readonly stateVersion?: number;
  readonly commands: CommandSchemas;
  readonly initialState: () => unknown;
  readonly evolve: Handlers<(state: unknown, event: DomainEvent) => unknown>;
  readonly decide: Handlers<(command: DomainCommand, state: unknown) => Decision<DomainEvent>>;
}

type Handlers<Handler> = Handler | { readonly [type: string]: Handler };

function handlerFor<Handler extends (...args: never) => unknown>(
  handlers: Handlers<Handler>,
  type: string,
): Handler | undefined {
  if (isFunction(handlers)) return handlers;
  return Object.hasOwn(handlers, type) ? handlers[type] : undefined;
}

function isFunction<Handler extends (...args: never) => unknown>(handlers: Handlers<Handler>): handlers is Handler {
  return typeof handlers === "function";
}

function isList(decision: Decision<DomainEvent>): decision is readonly (DomainEvent & EventDetails)[] {
  return Array.isArray(decision);
}

function checkCommand(spec: UntypedSpec, command: DomainCommand): DomainCommand {
  const schema = Object.hasOwn(spec.commands, command.type) ? spec.commands[command.type] : undefined;
  if (schema === undefined) {
    throw new InvalidCommandError(
      command.type,
      `is not one of aggregate ${JSON.stringify(spec.name)}; it knows ${Object.keys(spec.commands).join(", ") || "none"}`,
    );
  }
  try {
    // Commands come in the form of the domain, as new events do.
    return { ...command, data: decodeWith(schema, encodeWith(schema, command.data)) };
  } catch (error) {
    if (!(error instanceof SchemaMismatch)) throw error;
    throw new InvalidCommandError(command.type, `breaks its schema: ${error.message}`, { cause: error });
  }
}

function withCause(event: DomainEvent & EventDetails, commandId: string): DomainEvent & EventDetails {
  return { ...event, metadata: { causationId: commandId, ...event.metadata } };
}
