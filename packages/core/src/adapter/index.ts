/**
 * Building blocks for those who write a store. Applications do not need them.
 * @packageDocumentation
 */
export { delay, throwIfAborted } from "./abort.ts";
export { type EncodedAppend, type EncodedCondition, type EncodedWrite, encodeAppend } from "./encode-append.ts";
export { matchesQueries, queriesOf } from "./event-filter.ts";
export { meetsExpectedVersion, versionBefore } from "./expectation.ts";
export { formatPosition, parsePosition } from "./numeric-position.ts";
export { MAX_JSON_DEPTH, NotJsonError } from "./not-json.ts";
export type { PreparedEvent, PreparedTextEvent, PreparedWrite } from "./prepare-append.ts";
export { prepareAppend, prepareTextAppend } from "./prepare-append.ts";
export type { LogRead, StreamRead } from "./read-options.ts";
export { DEFAULT_PAGE_SIZE, prepareLogRead, prepareStreamRead } from "./read-options.ts";
export { assertRegisterKey, assertRegisterWrite } from "./register-checks.ts";
export { StreamTurns } from "./stream-turns.ts";
export { cloneJson, toJson } from "./to-json.ts";
export { WakeUp } from "./wake-up.ts";
