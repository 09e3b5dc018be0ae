import { decodeWith, type Schema } from "./schema.ts";
import { type VersionedSchema, versionsOf } from "./versioned.ts";

/** Data of a version that this code does not know, or a step that failed. Callers wrap it into an error that says which data. */
export class UpcastFailure extends Error {
  constructor(problem: string, options?: ErrorOptions) {
    super(problem, options);
    this.name = "UpcastFailure";
  }
}

/** Number of the current version of a schema. The first is 1. */
export function currentVersionOf(schema: Schema | VersionedSchema): number {
  return versionsOf(schema).length;
}

/**
 * Stored data of any known version to the domain form of the current one. The data is checked against the schema it was
 * written with before the first step, and against the current schema after the last.
 *
 * @throws UpcastFailure when a step cannot be taken
 * @throws SchemaMismatch when data of the current version breaks its schema
 */
export function upcastAndDecode(schema: Schema | VersionedSchema, data: unknown, storedVersion: number): unknown {
  const versions = versionsOf(schema);
  if (!Number.isSafeInteger(storedVersion) || storedVersion < 1 || storedVersion > versions.length) {
    throw new UpcastFailure(
      `was written with schema version ${storedVersion}, this code knows versions 1 to ${versions.length}; deploy the code that wrote it first`,
    );
  }
  let current = data;
  for (let version = storedVersion; version < versions.length; version += 1) {
    const stage = versions[version - 1];
    if (stage?.step === undefined) throw new UpcastFailure(`has no step from schema version ${version}`);
    try {
      if (version === storedVersion) decodeWith(stage.schema, current);
      current = stage.step.upcast(current);
    } catch (error) {
      throw new UpcastFailure(
        `could not be brought from schema version ${version} to ${version + 1}: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
    }
  }
  const last = versions[versions.length - 1];
  if (last === undefined) throw new UpcastFailure("has no schema");
  if (storedVersion === versions.length) return decodeWith(last.schema, current);
  try {
    return decodeWith(last.schema, current);
  } catch (error) {
    throw new UpcastFailure(
      `was brought from schema version ${storedVersion} to ${versions.length}, but the result breaks that schema: ` +
        `${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
