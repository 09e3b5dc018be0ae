import { type EventStore, isEventSourcingError, type Position, type Register, type Registers } from "@es/core";
import {
  CheckpointConflictError,
  CheckpointMismatchError,
  CheckpointUnreadableError,
  ProjectionReplacedError,
} from "../errors/errors.ts";
import { isCheckpointOf, type Partition, partitionKey } from "../sharing/partition.ts";
import { sharedStart } from "../sharing/shared-start.ts";
import { type Checkpoint, checkpointKey, parseCheckpoint, serializeCheckpoint } from "./checkpoint.ts";
import { type ReplayMark, readReplayMark } from "./replay-mark.ts";

/**
 * One runner's hold on the checkpoint of its projection. Every write names the revision that this runner wrote or read last,
 * so that a runner which was overtaken can write nothing any more.
 */
export class CheckpointRegister<Tx> {
  readonly #registers: Registers<Tx>;
  readonly #projection: string;
  readonly #key: string;
  readonly #partition: Partition;
  #revision = 0;

  constructor(registers: Registers<Tx>, projection: string, partition: Partition) {
    this.#registers = registers;
    this.#projection = projection;
    this.#key = partitionKey(projection, partition);
    this.#partition = partition;
  }

  /**
   * What is stored now.
   * @throws CheckpointUnreadableError
   * @throws CheckpointMismatchError when the projection is split into another number of partitions
   */
  async load(signal: AbortSignal): Promise<Checkpoint | undefined> {
    const register = await this.#get({ signal });
    if (register === undefined) await this.#assertSameSplit(signal);
    this.#revision = register?.revision ?? 0;
    return register === undefined ? undefined : parseCheckpoint(this.#key, register.value);
  }

  /** How far events were handled before the checkpoint was reset. */
  async replayMark(signal: AbortSignal): Promise<ReplayMark | undefined> {
    return readReplayMark(this.#registers, this.#projection, { signal });
  }

  /** The head of the store, or where another partition began that began now. */
  async startNow(store: EventStore<unknown>, signal: AbortSignal): Promise<Position> {
    const head = (): Promise<Position> => store.head({ signal });
    if (this.#partition.count === 1) return head();
    const identity = await store.identity({ signal });
    return sharedStart(this.#registers, this.#projection, { store: identity, head }, { signal });
  }

  /**
   * Writes a checkpoint over the one this runner knows, in `tx` if there is one. The caller passes the new revision to
   * {@link accept} once it is committed.
   *
   * @throws CheckpointConflictError when another runner wrote meanwhile, ProjectionReplacedError when another projection took over
   */
  async write(checkpoint: Checkpoint, tx: { readonly tx: Tx } | undefined): Promise<number> {
    const text = serializeCheckpoint(checkpoint);
    const revision = await this.#registers.set(this.#key, text, { ...tx, expected: this.#revision });
    if (revision === undefined) throw this.#conflict(await this.#registers.get(this.#key, tx ?? {}));
    return revision;
  }

  /** Notes the revision of a write that is committed. */
  accept(revision: number): void {
    this.#revision = revision;
  }

  /**
   * Whether a checkpoint is stored already, by a write whose answer was lost: then its revision. If not, nobody else has written, and
   * it may be written now. Asked in front of handlers too: what an overtaken runner does outside of the transaction cannot be
   * rolled back.
   *
   * @throws CheckpointConflictError when another runner wrote meanwhile, ProjectionReplacedError when another projection took over
   */
  async find(checkpoint: Checkpoint, tx?: { readonly tx: Tx }): Promise<number | undefined> {
    const register = await this.#get(tx ?? {});
    if ((register?.revision ?? 0) === this.#revision) return undefined;
    if (register?.value !== serializeCheckpoint(checkpoint)) throw this.#conflict(register);
    return register.revision;
  }

  /** As {@link find}, and notes the revision. @returns whether it is stored */
  async settle(checkpoint: Checkpoint): Promise<boolean> {
    const revision = await this.find(checkpoint);
    if (revision !== undefined) this.#revision = revision;
    return revision !== undefined;
  }

  /** @throws CheckpointConflictError, ProjectionReplacedError when somebody else has written it */
  async assertHeld(): Promise<void> {
    const register = await this.#get({});
    if ((register?.revision ?? 0) !== this.#revision) throw this.#conflict(register);
  }

  #conflict(register: Register | undefined): Error {
    const replacedBy = register === undefined ? undefined : parseCheckpoint(this.#key, register.value).replacedBy;
    return replacedBy === undefined
      ? new CheckpointConflictError(this.#projection)
      : new ProjectionReplacedError(this.#projection, replacedBy);
  }

  /** A checkpoint of another split covers streams of this partition, which would all be handled again. */
  async #assertSameSplit(signal: AbortSignal): Promise<void> {
    const { count } = this.#partition;
    const own = new Set(Array.from({ length: count }, (_, index) => partitionKey(this.#projection, { index, count })));
    for await (const key of this.#registers.keys(checkpointKey(this.#projection), { signal })) {
      if (!isCheckpointOf(this.#projection, key) || own.has(key)) continue;
      throw new CheckpointMismatchError(
        this.#projection,
        "partitions",
        `is in register ${JSON.stringify(key)}, but the projection is to run in ${count} partition${count === 1 ? "" : "s"}; run it ` +
          "in as many as before, or empty the read model, call resetProjection() and start again",
      );
    }
  }

  async #get(call: { readonly signal?: AbortSignal; readonly tx?: Tx }): Promise<Register | undefined> {
    try {
      return await this.#registers.get(this.#key, call);
    } catch (cause) {
      if (!isEventSourcingError(cause, "ES_CODEC")) throw cause;
      throw new CheckpointUnreadableError(this.#key, "cannot be decoded; give the codec the keys it was written with", {
        cause,
      });
    }
  }
}
