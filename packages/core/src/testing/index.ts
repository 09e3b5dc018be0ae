/**
 * Given/when/then tests of aggregates. Works with any test runner.
 * @packageDocumentation
 */
export type { ErrorExpectation, EventsOfAggregate, Given, StoredPast, When } from "./given.ts";
export { given, givenStored } from "./given.ts";
