import type { Position } from "@es/core";
import type { CommonRunnerOptions, ExactlyOnceRunnerOptions, RunnerOptions } from "../runner/runner-options.ts";

/** What every rebuild takes. */
export interface CommonRebuildOptions extends Omit<CommonRunnerOptions, "onFailure"> {
  /** What readers know: the name that stays the same from version to version. */
  readonly readModel: string;
  /**
   * The projection whose place is taken.
   * @defaultValue the one that the last rebuild of this read model made live, if any
   */
  readonly replaces?: string;
  /**
   * In how many partitions the new version is run. As many as the old one, if that runs in several.
   * @defaultValue 1
   */
  readonly partitions?: number;
  /** Ends the call. What was built stays, and the next call goes on from there. */
  readonly signal?: AbortSignal;
}

/** What a rebuild takes whose read model is not written in transactions. */
export interface RebuildOptions extends CommonRebuildOptions, Omit<RunnerOptions, "onFailure"> {
  /** Makes an empty read model. Called in front of the first event, and again when that was interrupted. */
  readonly prepare?: () => void | Promise<void>;
}

/** What a rebuild takes whose read model is written in transactions. */
export interface ExactlyOnceRebuildOptions<Tx>
  extends CommonRebuildOptions,
    Omit<ExactlyOnceRunnerOptions<Tx>, "onFailure"> {
  /** Makes an empty read model, in one transaction with the first checkpoint. */
  readonly prepare?: (tx: Tx) => void | Promise<void>;
  /** Shows the new read model to readers instead of the old one, in the transaction that makes it live. */
  readonly activate?: (tx: Tx) => void | Promise<void>;
}

/** What a rebuild did. */
export interface Rebuilt {
  /** Whether this call made it live. Otherwise it was live already. */
  readonly isSwitched: boolean;
  /** The projection whose place it took, when there was one. */
  readonly replaced: string | undefined;
  /** Everything up to here was in the read model when it became live. */
  readonly position: Position;
}
