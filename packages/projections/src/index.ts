export { defineProjection } from "./definition/define-projection.ts";
export type {
  AtLeastOnce,
  ContextOf,
  Delivery,
  ExactlyOnce,
  HandlerContext,
  TransactionContext,
} from "./definition/delivery.ts";
export { atLeastOnce, exactlyOnce } from "./definition/delivery.ts";
export type { FailurePolicy, ParkLimits } from "./definition/failure-policy.ts";
export type { Progress, Projection, StartPosition } from "./definition/projection.ts";
export type {
  BatchHandler,
  EventHandlers,
  Fold,
  ProjectionFacts,
  ProjectionSpec,
  RecordedOf,
} from "./definition/projection-spec.ts";
export type { CheckpointMismatch } from "./errors/errors.ts";
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
} from "./errors/errors.ts";
export { isProjectionError, type ProjectionError } from "./errors/is-projection-error.ts";
export type {
  InlineEventOf,
  InlineProjection,
  InlineProjectionSpec,
} from "./inline-projection.ts";
export { defineInlineProjection, withInlineProjections } from "./inline-projection.ts";
export type { BusHandler, EventBus } from "./outbox/event-bus.ts";
export { createEventBus } from "./outbox/event-bus.ts";
export type { NatsPublisherConnection, NatsPublisherHeaders, NatsPublisherOptions } from "./outbox/nats-publisher.ts";
export { natsPublisher } from "./outbox/nats-publisher.ts";
export type { OutboxSpec, Publish } from "./outbox/outbox.ts";
export { defineOutbox } from "./outbox/outbox.ts";
export type { OutboxMessage } from "./outbox/outbox-message.ts";
export { RESERVED_HEADERS } from "./outbox/outbox-message.ts";
export { listParked } from "./parking/list-parked.ts";
export type { ParkedList, ParkedStream } from "./parking/parked.ts";
export type { ProcessManager, ProcessManagerSpec } from "./process-manager/process-manager.ts";
export { defineProcessManager } from "./process-manager/process-manager.ts";
export type {
  PlainProcessManagerOptions,
  ProcessManagerOptions,
  ProcessManagerRunner,
  ProcessManagerStatus,
} from "./process-manager/process-manager-runner.ts";
export { createProcessManagerRunner } from "./process-manager/process-manager-runner.ts";
export type { DueTimeout, PendingTimeout, TimeoutFailure, TimeoutPlan } from "./process-manager/timeout.ts";
export { listTimeouts } from "./process-manager/timeout-register.ts";
export type { UnitOfWork } from "./process-manager/unit-of-work.ts";
export type { DropOptions } from "./rebuild/drop-projection.ts";
export { dropProjection } from "./rebuild/drop-projection.ts";
export { liveProjection } from "./rebuild/live-projection.ts";
export type {
  CommonRebuildOptions,
  ExactlyOnceRebuildOptions,
  RebuildOptions,
  Rebuilt,
} from "./rebuild/rebuild-options.ts";
export { rebuildProjection } from "./rebuild/rebuild-projection.ts";
export type { ResetOptions } from "./rebuild/reset-projection.ts";
export { resetProjection } from "./rebuild/reset-projection.ts";
export type { Clock } from "./runner/clock.ts";
export { createProjectionRunner } from "./runner/create-projection-runner.ts";
export { progressLine } from "./runner/progress-line.ts";
export type { ProjectionRunner } from "./runner/projection-runner.ts";
export type { RetryOptions } from "./runner/retry.ts";
export type { CommonRunnerOptions, ExactlyOnceRunnerOptions, RunnerOptions } from "./runner/runner-options.ts";
export type { RunnerReport } from "./runner/runner-report.ts";
export type { Lag, RunnerState, RunnerStatus } from "./runner/runner-status.ts";
export type { WaitOptions } from "./runner/waiters.ts";
export type { LeaseOptions } from "./sharing/create-shared-runner.ts";
export { createSharedRunner } from "./sharing/create-shared-runner.ts";
export type { PartitionStatus, SharedRunner, ShareOptions } from "./sharing/shared-runner.ts";
export type { PostgresSinkOptions } from "./sinks/postgres-sink.ts";
export { createPostgresSink } from "./sinks/postgres-sink.ts";
export type { PostgresSinkClient, PostgresSinkPool, PostgresTransaction } from "./sinks/postgres-sink-driver.ts";
export type { CheckpointedSink } from "./sinks/sink.ts";
export type { SqliteSinkDatabase, SqliteSinkOptions, SqliteSinkStatement } from "./sinks/sqlite-sink.ts";
export { createSqliteSink } from "./sinks/sqlite-sink.ts";
