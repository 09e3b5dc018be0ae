import { StoreUnavailableError } from "@es/core";
import type { Ledger } from "../checkpoint/ledger.ts";
import type { Delivery } from "../definition/delivery.ts";
import type { Projection } from "../definition/projection.ts";
import type { RunnerSettings } from "../runner/runner-options.ts";
import type { Partition } from "../sharing/partition.ts";
import type { RebuildPlace, StoredCheckpoint } from "./rebuild-place.ts";

/** What a rebuild is made of. */
export interface RebuildParts {
  readonly projection: Projection<Delivery>;
  readonly readModel: string;
  readonly replaces: string | undefined;
  readonly place: RebuildPlace;
  readonly settings: RunnerSettings;
  /** The parts of the new version. */
  readonly partitions: readonly Partition[];
  /** A ledger of its own for each runner. */
  readonly newLedger: (partition: Partition) => Ledger;
  readonly prepare: (tx: unknown) => void | Promise<void>;
  readonly activate: (tx: unknown) => void | Promise<void>;
  readonly signal: AbortSignal;
}

/** The checkpoint of a part, and which part that is. */
export interface Shadow extends StoredCheckpoint {
  readonly partition: Partition;
}

/** Another process has changed which version is live, or has revived the old one. What was read before counts no more. */
export class Overtaken extends Error {}

/** @throws StoreUnavailableError when a write was refused, so that the step is made again with what is stored now */
export function assertWritten(isWritten: boolean): void {
  if (!isWritten) throw new StoreUnavailableError("another process changed the checkpoint at the same moment");
}
