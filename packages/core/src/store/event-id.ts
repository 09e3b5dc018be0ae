const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Why a value cannot be the id of an event, or `undefined` when it can. */
export function eventIdProblem(id: unknown): string | undefined {
  if (typeof id === "string" && UUID.test(id)) return undefined;
  return `has the id ${typeof id === "string" ? JSON.stringify(id) : String(id)}, which is not a UUID in lower case`;
}
