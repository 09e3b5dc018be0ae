import { ConfigurationError } from "../errors/configuration-error.ts";
import { textProblem } from "../store/text-limits.ts";
import type { InputOf, Schema } from "./schema.ts";

/** One version of a schema, and the way from it to the next. The last one has none. */
export interface SchemaVersion {
  /** The schema of this version. */
  readonly schema: Schema;
  /** The way to the next version. */
  readonly step?: UpcastStep;
}

/** Declared as a method: its argument was checked against the schema of its version before the call. */
export interface UpcastStep {
  /** Stored data of the next version. */
  upcast(data: unknown): unknown;
}

/** A schema with its earlier versions. Made by {@link versioned}. */
export interface VersionedSchema<Current extends Schema = Schema> {
  /** The schema of today. */
  readonly current: Current;
  /** All versions, oldest first. */
  readonly versions: readonly SchemaVersion[];
  /** Names under which events of this type were stored before. */
  readonly formerNames: readonly string[];

  /**
   * Adds the next version: its schema, and how stored data of the version before becomes data of this one. The step gets
   * and returns the stored form (JSON) and must not change its argument.
   */
  upcast<Next extends Schema>(schema: Next, step: (data: InputOf<Current>) => InputOf<Next>): VersionedSchema<Next>;

  /** Also reads events that were stored under these names. */
  formerly(...names: readonly string[]): VersionedSchema<Current>;
}

/**
 * Starts the history of a schema with its first version. Stored events are never changed; every read brings them to the
 * current version, step by step.
 *
 * @example
 * ```ts
 * versioned(z.object({ name: z.string() }))
 *   .upcast(z.object({ first: z.string(), last: z.string() }), ({ name }) => {
 *     const [first = "", last = ""] = name.split(" ");
 *     return { first, last };
 *   });
 * ```
 */
export function versioned<First extends Schema>(schema: First): VersionedSchema<First> {
  return chain(schema, [{ schema }], []);
}

function chain<Current extends Schema>(
  current: Current,
  versions: readonly SchemaVersion[],
  formerNames: readonly string[],
): VersionedSchema<Current> {
  return {
    current,
    versions,
    formerNames,
    upcast(schema, step) {
      const former = versions.slice(0, -1);
      return chain(schema, [...former, { schema: current, step: { upcast: step } }, { schema }], formerNames);
    },
    formerly(...names) {
      for (const name of names) {
        const problem = textProblem(name);
        if (problem !== undefined) throw new ConfigurationError(`the former name ${JSON.stringify(name)} ${problem}`);
      }
      return chain(current, versions, [...formerNames, ...names]);
    },
  };
}

/** Whether a schema has a history. */
export function isVersioned(schema: Schema | VersionedSchema): schema is VersionedSchema {
  return "versions" in schema;
}

/** All versions of a schema, oldest first; a plain schema has one. */
export function versionsOf(schema: Schema | VersionedSchema): readonly SchemaVersion[] {
  return isVersioned(schema) ? schema.versions : [{ schema }];
}
