import type { Registers } from "@es/core";
import { type Checkpoint, checkpointKey, parseCheckpoint, serializeCheckpoint } from "../checkpoint/checkpoint.ts";
import { countOf, isCheckpointOf, type Partition, partitionKey } from "../sharing/partition.ts";
import type { CheckpointedSink } from "../sinks/sink.ts";

/** A checkpoint and the revision of its register. */
export interface StoredCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly revision: number;
}

/** One step on checkpoints and read models: in a transaction, or without one where there is none. */
export interface Step {
  /** The transaction, if there is one. */
  readonly tx: unknown;
  /** What calls of the registers are given. */
  readonly call: { readonly tx?: unknown };
}

/** Where the checkpoints of a rebuild are kept. */
export class RebuildPlace {
  readonly registers: Registers<unknown>;
  readonly #sink: CheckpointedSink<unknown> | undefined;

  constructor(registers: Registers<unknown>, sink: CheckpointedSink<unknown> | undefined) {
    this.registers = registers;
    this.#sink = sink;
  }

  /** Whether several writes can be made in one step. */
  get hasTransactions(): boolean {
    return this.#sink !== undefined;
  }

  /** Runs a step in a transaction where there are any. */
  async step<Result>(work: (step: Step) => Promise<Result>, signal: AbortSignal): Promise<Result> {
    if (this.#sink === undefined) return work({ tx: undefined, call: {} });
    return this.#sink.transaction((tx) => work({ tx, call: { tx } }), { signal });
  }

  /** @throws CheckpointUnreadableError */
  async load(
    projection: string,
    partition: Partition,
    call: { readonly tx?: unknown } = {},
  ): Promise<StoredCheckpoint | undefined> {
    const key = partitionKey(projection, partition);
    const register = await this.registers.get(key, call);
    if (register === undefined) return undefined;
    return { checkpoint: parseCheckpoint(key, register.value), revision: register.revision };
  }

  /** Writes a checkpoint over a known revision; 0: there must be none. @returns whether that was still current */
  async write(
    checkpoint: Checkpoint,
    projection: string,
    partition: Partition,
    { expected, call = {} }: { readonly expected: number; readonly call?: Step["call"] },
  ): Promise<boolean> {
    const text = serializeCheckpoint(checkpoint);
    return (await this.registers.set(partitionKey(projection, partition), text, { ...call, expected })) !== undefined;
  }

  /** In how many partitions a projection runs; `undefined` when it has no checkpoint. */
  async countOf(projection: string, signal: AbortSignal): Promise<number | undefined> {
    const whole = checkpointKey(projection);
    for await (const key of this.registers.keys(whole, { signal })) {
      if (isCheckpointOf(projection, key)) return countOf(key);
    }
    return undefined;
  }
}
