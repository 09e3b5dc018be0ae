import { ConfigurationError, type EventQuery, type EventSchemas } from "@es/core";
import { queriesOf } from "@es/core/adapter";
import { assertMembers, texts } from "./member-rules.ts";

/** What a declaration says about the events that it reads. */
interface Reads {
  readonly name: string;
  readonly events: { readonly schemas: EventSchemas };
  readonly categories?: readonly string[];
  readonly types?: readonly string[];
}

/**
 * The filter of a declaration. Types stand for their former names too.
 * @throws ConfigurationError when it asks for nothing, or for what is not in the family
 */
export function filterOf({ name, events, categories, types }: Reads): EventQuery | undefined {
  assertMembers(`projection ${JSON.stringify(name)}`, { categories, types }, { categories: texts, types: texts });
  const unknown = types?.find((type) => !Object.hasOwn(events.schemas, type));
  if (unknown !== undefined) {
    throw new ConfigurationError(
      `projection ${JSON.stringify(name)} asks for type ${JSON.stringify(unknown)}, which is not in its family of events`,
    );
  }
  if (categories === undefined && types === undefined) return undefined;
  const filter: EventQuery = {
    ...(categories === undefined ? {} : { categories }),
    ...(types === undefined ? {} : { types: types.flatMap((type) => [type, ...formerNamesOf(events.schemas[type])]) }),
  };
  queriesOf(filter);
  return filter;
}

function formerNamesOf(schema: EventSchemas[string] | undefined): readonly string[] {
  return schema !== undefined && "formerNames" in schema ? schema.formerNames : [];
}
