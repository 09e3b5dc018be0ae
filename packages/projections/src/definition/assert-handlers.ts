import { ConfigurationError, type EventSchemas } from "@es/core";
import { shown } from "./member-rules.ts";

/** What is to be handled, and by what. */
interface Handled {
  /** Who handles it, such as `projection "a"`. */
  readonly owner: string;
  /** The member that holds the handlers. */
  readonly member: string;
  /** The family. */
  readonly schemas: EventSchemas;
  /** The types that are read. */
  readonly types: readonly string[];
  /** What to do when one is missing. @defaultValue to add it, or to read fewer types */
  readonly repair?: string;
}

const REPAIR = 'add one, or list the types it is to read in "types"';

/**
 * Makes sure that there is a handler for every type, and none for a type that does not exist: most often that is a slip of the pen.
 * @throws ConfigurationError naming the type
 */
export function assertHandlers({ owner, member, schemas, types, repair = REPAIR }: Handled, handlers: unknown): void {
  if (typeof handlers !== "object" || handlers === null) {
    const hint = typeof handlers === "function" ? "; is it a class? Give an object of it, made with new" : "";
    throw new ConfigurationError(`"${member}" of ${owner} is ${shown(handlers)}; it must be an object${hint}`);
  }
  for (const type of types) {
    if (typeof handlerIn(handlers, type) === "function") continue;
    throw new ConfigurationError(`${owner} has no handler in "${member}" for ${JSON.stringify(type)}; ${repair}`);
  }
  // A class may have members that are no handlers.
  const prototype: unknown = Object.getPrototypeOf(handlers);
  if (prototype !== Object.prototype && prototype !== null) return;
  const unknown = Object.keys(handlers).find((type) => !Object.hasOwn(schemas, type));
  if (unknown === undefined) return;
  throw new ConfigurationError(
    `${owner} has a handler in "${member}" for ${JSON.stringify(unknown)}, which is not in its family; those are ${Object.keys(schemas).join(", ")}`,
  );
}

/** The handler of a type. Handlers may be methods of a class, but not those that every object has. */
export function handlerIn(handlers: object, type: string): unknown {
  const isThere = Object.hasOwn(handlers, type) || (type in handlers && !(type in Object.prototype));
  return isThere ? Reflect.get(handlers, type) : undefined;
}
