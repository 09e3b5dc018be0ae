export type { Clock } from "./clock.ts";
export { createProjectionRunner } from "./create-projection-runner.ts";
export type { LeaseOptions } from "./create-shared-runner.ts";
export { createSharedRunner } from "./create-shared-runner.ts";
export { defineProjection } from "./define-projection.ts";
export type {
  AtLeastOnce,
  ContextOf,
  Delivery,
  ExactlyOnce,
  HandlerContext,
  TransactionContext,
} from "./delivery.ts";
export { atLeastOnce, exactlyOnce } from "./delivery.ts";
export type { DropOptions } from "./drop-projection.ts";
export { dropProjection } from "./drop-projection.ts";
export type { CheckpointMismatch } from "./errors.ts";
export {
  CheckpointConflictError,
  CheckpointMismatchError,
  CheckpointUnreadableError,
  FeedIntegrityError,
  HandlerFailedError,
  LeaseLostError,
  ParkingFullError,
  PROJECTION_ERROR_CODES,
  ProjectionReplacedError,
  ProjectionStoppedError,
  WaitTimeoutError,
} from "./errors.ts";
export type { BusHandler, EventBus } from "./event-bus.ts";
export { createEventBus } from "./event-bus.ts";
export type { FailurePolicy, ParkLimits } from "./failure-policy.ts";
export type {
  InlineEventOf,
  InlineProjection,
  InlineProjectionSpec,
} from "./inline-projection.ts";
export { defineInlineProjection, withInlineProjections } from "./inline-projection.ts";
export { isProjectionError, type ProjectionError } from "./is-projection-error.ts";
export { listParked } from "./list-parked.ts";
export { liveProjection } from "./live-projection.ts";
export type { NatsPublisherConnection, NatsPublisherHeaders, NatsPublisherOptions } from "./nats-publisher.ts";
export { natsPublisher } from "./nats-publisher.ts";
export type { OutboxSpec, Publish } from "./outbox.ts";
export { defineOutbox } from "./outbox.ts";
export type { OutboxMessage } from "./outbox-message.ts";
export { RESERVED_HEADERS } from "./outbox-message.ts";
export type { ParkedList, ParkedStream } from "./parked.ts";
export type { PostgresSinkOptions } from "./postgres-sink.ts";
export { createPostgresSink } from "./postgres-sink.ts";
export type { PostgresSinkClient, PostgresSinkPool, PostgresTransaction } from "./postgres-sink-driver.ts";
export type { ProcessManager, ProcessManagerSpec } from "./process-manager.ts";
export { defineProcessManager } from "./process-manager.ts";
export type {
  PlainProcessManagerOptions,
  ProcessManagerOptions,
  ProcessManagerRunner,
  ProcessManagerStatus,
} from "./process-manager-runner.ts";
export { createProcessManagerRunner } from "./process-manager-runner.ts";
export { progressLine } from "./progress-line.ts";
export type { Progress, Projection, StartPosition } from "./projection.ts";
export type { ProjectionRunner } from "./projection-runner.ts";
export type {
  BatchHandler,
  EventHandlers,
  Fold,
  ProjectionFacts,
  ProjectionSpec,
  RecordedOf,
} from "./projection-spec.ts";
export type { CommonRebuildOptions, ExactlyOnceRebuildOptions, RebuildOptions, Rebuilt } from "./rebuild-options.ts";
export { rebuildProjection } from "./rebuild-projection.ts";
export type { ResetOptions } from "./reset-projection.ts";
export { resetProjection } from "./reset-projection.ts";
export type { RetryOptions } from "./retry.ts";
export type { CommonRunnerOptions, ExactlyOnceRunnerOptions, RunnerOptions } from "./runner-options.ts";
export type { RunnerReport } from "./runner-report.ts";
export type { Lag, RunnerState, RunnerStatus } from "./runner-status.ts";
export type { PartitionStatus, SharedRunner, ShareOptions } from "./shared-runner.ts";
export type { CheckpointedSink } from "./sink.ts";
export type { SqliteSinkDatabase, SqliteSinkOptions, SqliteSinkStatement } from "./sqlite-sink.ts";
export { createSqliteSink } from "./sqlite-sink.ts";
export type { DueTimeout, PendingTimeout, TimeoutFailure, TimeoutPlan } from "./timeout.ts";
export { listTimeouts } from "./timeout-register.ts";
export type { WaitOptions } from "./waiters.ts";
export type { UnitOfWork } from "./unit-of-work.ts";
