import { $ZodType, safeEncode } from "zod/v4/core";
import { ConfigurationError } from "../errors/configuration-error.ts";

/** One reason why a value breaks its schema. */
export interface SchemaIssue {
  /** What is wrong. */
  readonly message: string;
  /** Where it is wrong, from the outside in. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a validator answers. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/**
 * Any validator that speaks Standard Schema, version 1: zod, valibot, arktype and others. It must answer synchronously.
 *
 * @typeParam Input - the form that is stored: plain JSON
 * @typeParam Output - the form that the domain works with
 */
export interface Schema<Input = unknown, Output = unknown> {
  /** The members that Standard Schema prescribes. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema accepts: the stored form. */
export type InputOf<S extends Schema> = NonNullable<S["~standard"]["types"]>["input"];

/** What a schema yields: the form that the domain works with. */
export type OutputOf<S extends Schema> = NonNullable<S["~standard"]["types"]>["output"];

/** A value breaks its schema. Callers wrap it into an error that says which value. */
export class SchemaMismatch extends Error {
  constructor(issues: readonly SchemaIssue[]) {
    super(issues.map(describe).join("; "));
    this.name = "SchemaMismatch";
  }
}

/**
 * Stored form to domain form.
 * @throws SchemaMismatch
 */
export function decodeWith<S extends Schema>(schema: S, value: unknown): OutputOf<S> {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) throw asyncSchema();
  if (result.issues !== undefined) throw new SchemaMismatch(result.issues);
  return result.value;
}

/**
 * Domain form to stored form. A zod schema runs backwards, so that its codecs turn a `Date` into text; any other validator has
 * one form only and checks it.
 *
 * @throws SchemaMismatch
 */
export function encodeWith(schema: Schema, value: unknown): unknown {
  if (!isZod(schema)) return decodeWith(schema, value);
  let result: ReturnType<typeof safeEncode>;
  try {
    result = safeEncode(schema, value);
  } catch (error) {
    // zod throws where it cannot run backwards (a one-way transform) or synchronously (an async refinement).
    throw new ConfigurationError(
      `a schema cannot turn its value back into JSON: ${error instanceof Error ? error.message : String(error)}. ` +
        "Use z.codec() instead of a transform, and no asynchronous checks",
      { cause: error },
    );
  }
  if (!result.success) throw new SchemaMismatch(result.error.issues);
  return result.data;
}

function isZod(schema: object): schema is $ZodType {
  return schema instanceof $ZodType;
}

function asyncSchema(): ConfigurationError {
  return new ConfigurationError(
    "a schema validates asynchronously; events, commands and states are checked synchronously, so move the check into the command's caller",
  );
}

function describe(issue: SchemaIssue): string {
  const path = (issue.path ?? []).map((step) => String(typeof step === "object" ? step.key : step)).join(".");
  return path === "" ? issue.message : `${path}: ${issue.message}`;
}
