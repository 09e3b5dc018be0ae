/** Opens the fence, for as long as the savepoint is open. */
export const OPEN_FENCE = "SAVEPOINT es_joined; SET LOCAL es.joined = 'on'";

/**
 * The same for a call that writes. It fails inside the savepoint, with {@link FENCED_OFF}, in a transaction whose snapshot is
 * older than its statements: what it would be told of a stream or a register need not be so any more.
 */
export const OPEN_FENCE_TO_WRITE: string = `${OPEN_FENCE}; SELECT 1 / (current_setting('transaction_isolation') IN ('read committed', 'read uncommitted'))::int`;
export const CLOSE_FENCE = "SET LOCAL es.joined = 'off'; RELEASE SAVEPOINT es_joined";

/** Leaves the savepoint as if nothing had been done in it. */
export const DROP_FENCE = "ROLLBACK TO SAVEPOINT es_joined; RELEASE SAVEPOINT es_joined";

/** What the fence answers with: division by zero, the one error that an expression can raise. */
export const FENCED_OFF = "22012";

/**
 * A column that makes a statement fail, and so write nothing, unless it runs inside the savepoint that it was meant for. A call
 * that the caller of a transaction does not await may otherwise run behind the ROLLBACK, as a transaction of its own.
 */
export const FENCE = ", 1 / (current_setting('es.joined', true) IS NOT DISTINCT FROM 'on')::int";
