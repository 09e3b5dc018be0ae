import { EventSourcingError } from "./event-sourcing-error.ts";

/** A call, an option or a definition is wrong. The message says what, where, and what to do. Nothing was written. */
export class ConfigurationError extends EventSourcingError {
  readonly code = "ES_CONFIGURATION";
  readonly retryable = false;
}
