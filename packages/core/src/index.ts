export {
  AggregateNotFoundError,
  InvalidCommandError,
  InvalidStateError,
  PendingEventsError,
  StreamIntegrityError,
} from "./errors/aggregate-errors.ts";
export {
  AppendTooLargeError,
  ConcurrencyError,
  ConditionFailedError,
  UnknownOutcomeError,
} from "./errors/append-errors.ts";
export { ConfigurationError } from "./errors/configuration-error.ts";
export type { EventFacts } from "./errors/event-errors.ts";
export {
  EventError,
  InvalidEventError,
  MissingHandlerError,
  UnknownEventTypeError,
  UpcastError,
} from "./errors/event-errors.ts";
export type { ErrorCode } from "./errors/event-sourcing-error.ts";
export { ERROR_CODES, EventSourcingError } from "./errors/event-sourcing-error.ts";
export type { ErrorOfCode, KnownError } from "./errors/is-event-sourcing-error.ts";
export { isEventSourcingError } from "./errors/is-event-sourcing-error.ts";
export {
  AbortedError,
  CodecError,
  InvalidPositionError,
  StoreClosedError,
  StoreCorruptError,
  StoreFormatError,
  StoreUnavailableError,
  UnsupportedError,
} from "./errors/store-errors.ts";
export type { Capabilities, CapabilityGaps, Durability } from "./store/capabilities.ts";
export type { AppendCondition, EventFilter, EventQuery } from "./store/event-query.ts";
export type {
  AppendOptions,
  AppendResult,
  EventStore,
  Page,
  ReadAllOptions,
  ReadStreamOptions,
  TransactionalEventStore,
  Write,
} from "./store/event-store.ts";
export type { ExpectedVersion } from "./store/expected-version.ts";
export type { JsonObject, JsonValue } from "./store/json.ts";
export type { Position } from "./store/position.ts";
export { START } from "./store/position.ts";
export type { EventMetadata, NewEvent, RecordedEvent } from "./store/recorded-event.ts";
export type { Register, Registers, RegisterWriteOptions } from "./store/registers.ts";
export { assertStreamId, categoryOf, streamIdOf } from "./store/stream-id.ts";
export type { LoadedStateDetails } from "./aggregate/aggregate.ts";
export { Aggregate } from "./aggregate/aggregate.ts";
export type { AggregateDefinition, DomainCommand, StateSchema } from "./aggregate/aggregate-definition.ts";
export type {
  AggregateSpec,
  CommandSchemas,
  CommandsOf,
  Decide,
  DeciderAggregate,
  Decision,
  OfType,
  Evolve,
} from "./aggregate/define-aggregate.ts";
export type { MaybeLiteral, Returning } from "./aggregate/returning.ts";
export { defineAggregate } from "./aggregate/define-aggregate.ts";
export type { AesGcmOptions } from "./codec/aes-gcm-codec.ts";
export { aesGcmCodec, createAesGcmKey } from "./codec/aes-gcm-codec.ts";
export { deflateCodec } from "./codec/deflate-codec.ts";
export type { CodecContext, EventCodec } from "./codec/event-codec.ts";
export { combineCodecs } from "./codec/event-codec.ts";
export { bigintCodec, bytesCodec, dateCodec } from "./codec/json-codecs.ts";
export type { CodecOptions } from "./codec/with-codec.ts";
export { withCodec } from "./codec/with-codec.ts";
export type { EncodedEvent, EventCoder, EventFamily } from "./events/define-events.ts";
export { defineEvents } from "./events/define-events.ts";
export type {
  CurrentSchemaOf,
  DomainEvent,
  EventDataOf,
  EventDetails,
  EventOf,
  EventSchemas,
  EventsOf,
  Recorded,
} from "./events/event-types.ts";
export type { InputOf, OutputOf, Schema, SchemaIssue, SchemaResult } from "./events/schema.ts";
export type { SchemaVersion, UpcastStep, VersionedSchema } from "./events/versioned.ts";
export { versioned } from "./events/versioned.ts";
export type { OpenEventStoreOptions } from "./open-event-store.ts";
export { openEventStore } from "./open-event-store.ts";
export { createRepository } from "./repository/create-repository.ts";
export type {
  AggregateClass,
  AnyAggregate,
  CommandOf,
  LoadOptions,
  PointInHistory,
  Repository,
  Saved,
  SaveOptions,
  UpdateOptions,
} from "./repository/repository.ts";
export { causedBy } from "./repository/repository.ts";
export type {
  RepositoryOptions,
  RepositoryReport,
  SnapshotMiss,
  SnapshotOptions,
} from "./repository/repository-options.ts";
export type { PreparedSave } from "./repository/prepared-save.ts";
export { saveTogether } from "./repository/save-together.ts";
export type { SaveFacts, SnapshotPolicy } from "./snapshots/snapshot-policy.ts";
export { atMultiplesOf, everyNEvents, manually, whenOlderThan } from "./snapshots/snapshot-policy.ts";
export { allEvents, streamEvents } from "./store/flatten.ts";
