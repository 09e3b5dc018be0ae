/** Opens the fence, for as long as the savepoint is open. */
export const OPEN_FENCE = "SAVEPOINT es_joined; SET LOCAL es.joined = 'on'";
export const CLOSE_FENCE = "SET LOCAL es.joined = 'off'; RELEASE SAVEPOINT es_joined";

/** What the fence answers with: division by zero, the one error that an expression can raise. */
export const FENCED_OFF = "22012";

/**
 * A column that makes a statement fail, and so write nothing, unless it runs inside the savepoint that it was meant for. A call
 * that the caller of a transaction does not await may otherwise run behind the ROLLBACK, as a transaction of its own.
 */
export const FENCE = ", 1 / (current_setting('es.joined', true) IS NOT DISTINCT FROM 'on')::int";
