import {
  ConfigurationError,
  EventSourcingError,
  StoreClosedError,
  StoreFormatError,
  StoreUnavailableError,
} from "@es/core";
import { JETSTREAM_CODES, JetStreamError, RequestFailure } from "./request-failure.ts";

const JETSTREAM_IS_OFF =
  'JetStream is not enabled: add "jetstream {}" to the server\'s configuration, or enable it for this account';

/** The error of the toolkit for an error of the client or the server. `doing` completes "while ...". Those of the toolkit pass unchanged. */
export function toStoreError(error: unknown, doing: string): EventSourcingError {
  if (error instanceof EventSourcingError) return error;
  const options = { cause: error };
  const detail = `${messageOf(error)} (while ${doing})`;
  if (error instanceof JetStreamError) return fromServer(error, detail);
  if (error instanceof RequestFailure) {
    return new StoreUnavailableError(`the NATS server did not answer in time: ${detail}; try again`, options);
  }
  switch (nameOf(error)) {
    case "ClosedConnectionError":
    case "DrainingConnectionError":
      return new StoreClosedError(
        "the NATS connection was closed by its owner; open it and the event store again",
        options,
      );
    case "PermissionViolationError":
      return new ConfigurationError(
        `this user may not do that: ${detail}; give it the rights that the documentation of the store lists`,
        options,
      );
    case "AuthorizationError":
    case "UserAuthenticationExpiredError":
      return new ConfigurationError(
        `the NATS server refuses the credentials: ${detail}; check user and password, token, nkey or credentials file`,
        options,
      );
    default:
      return new StoreUnavailableError(`the NATS server failed: ${detail}`, options);
  }
}

function fromServer(error: JetStreamError, detail: string): EventSourcingError {
  const options = { cause: error };
  switch (error.errorCode) {
    case JETSTREAM_CODES.notEnabled:
    case JETSTREAM_CODES.notEnabledForAccount:
      return new ConfigurationError(`${JETSTREAM_IS_OFF} (${detail})`, options);
    case JETSTREAM_CODES.streamNotFound:
      return new StoreFormatError(
        `the event store's JetStream stream is gone: ${detail}; restore it from a backup, or open the store again to begin a new one`,
        options,
      );
    case JETSTREAM_CODES.subjectsOverlap:
      return new ConfigurationError(
        `another JetStream stream takes the store's subjects: ${detail}; choose another option name`,
        options,
      );
    case MESSAGE_TOO_LARGE:
      return new ConfigurationError(
        `the JetStream stream takes no message of this size: ${detail}; raise its max_msg_size, or open the store again to learn of it`,
        options,
      );
    case TOO_FEW_SERVERS:
    case NO_SUITABLE_SERVERS:
      return new ConfigurationError(
        `there are too few servers for the replicas: ${detail}; lower option replicas, or add or start servers of the cluster`,
        options,
      );
    default:
      return error.status === 503 || error.status === 500 || RESOURCE_CODES.has(error.errorCode)
        ? new StoreUnavailableError(`JetStream cannot do it now: ${detail}; try again`, options)
        : new ConfigurationError(`JetStream refuses it: ${detail}`, options);
  }
}

const MESSAGE_TOO_LARGE = 10054;
const TOO_FEW_SERVERS = 10074;
const NO_SUITABLE_SERVERS = 10005;
/** Memory, storage or a limit of the account is exhausted: 10023 resources, 10028 and 10047 storage, 10077 the stream's own limit. */
const RESOURCE_CODES: ReadonlySet<number> = new Set([10023, 10028, 10047, 10077]);

/** The text of an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The kind of an error of the client, also where it is wrapped in another. By its name, since there may be two copies of the client. */
export function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  return error.name === "RequestError" && error.cause instanceof Error ? nameOf(error.cause) : error.name;
}
