import { NotJsonError } from "../adapter/not-json.ts";
import { toJson } from "../adapter/to-json.ts";
import { InvalidStateError } from "../errors/aggregate-errors.ts";
import { encodeWith, decodeWith, type Schema, SchemaMismatch } from "../events/schema.ts";
import { currentVersionOf, upcastAndDecode } from "../events/upcast.ts";
import { isVersioned } from "../events/versioned.ts";
import type { JsonValue } from "../store/json.ts";
import type { AggregateDefinition } from "./aggregate-definition.ts";

type StateDefinition<State> = Pick<AggregateDefinition<State, never>, "name" | "state" | "stateVersion">;

/** What a snapshot must say about the code that wrote it. */
export interface StateVersion {
  /** Raised by hand when the meaning of the events changes. */
  readonly stateVersion: number;
  /** Version of the state's schema. */
  readonly schemaVersion: number;
}

/** The versions that a snapshot written now would carry. */
export function stateVersionOf(definition: StateDefinition<unknown>): StateVersion {
  return { stateVersion: definition.stateVersion ?? 1, schemaVersion: currentVersionOf(definition.state) };
}

/** @throws InvalidStateError when the state breaks its schema or is not JSON in its stored form */
export function encodeState<State>(definition: StateDefinition<State>, state: State): JsonValue {
  try {
    return toJson(encodeWith(currentSchema(definition), state), "state");
  } catch (error) {
    if (error instanceof SchemaMismatch || error instanceof NotJsonError) {
      throw new InvalidStateError(
        `the state of aggregate ${JSON.stringify(definition.name)} breaks its schema: ${error.message}`,
        {
          cause: error,
        },
      );
    }
    throw error;
  }
}

/**
 * @param schemaVersion - version of the state's schema that wrote `stored`
 * @throws InvalidStateError when the stored state cannot be read by this code
 */
export function decodeState<State>(definition: StateDefinition<State>, stored: unknown, schemaVersion: number): State {
  try {
    // The last step checks against the current schema once more, because only that call has the state's type.
    const { state } = definition;
    if (!isVersioned(state)) return decodeWith(state, stored);
    if (schemaVersion === currentVersionOf(state)) return decodeWith(state.current, stored);
    return decodeWith(state.current, encodeWith(state.current, upcastAndDecode(state, stored, schemaVersion)));
  } catch (error) {
    throw new InvalidStateError(
      `a stored state of aggregate ${JSON.stringify(definition.name)} cannot be restored: ` +
        `${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

function currentSchema<State>(definition: StateDefinition<State>): Schema<unknown, State> {
  return isVersioned(definition.state) ? definition.state.current : definition.state;
}
