import { ConfigurationError, type Position, START } from "@es/core";
import { throwIfAborted } from "@es/core/adapter";
import { withoutRole } from "../checkpoint/checkpoint.ts";
import { CheckpointMismatchError } from "../errors/errors.ts";
import { type Partition, partitionsOf } from "../sharing/partition.ts";
import { assertWritten, Overtaken, type RebuildParts, type Shadow } from "./rebuild-parts.ts";
import type { Step } from "./rebuild-place.ts";

/** The version that is replaced: how far it has come, and how it is stopped. */
export class ReplacedVersion {
  readonly name: string;
  readonly partitions: readonly Partition[];
  readonly #parts: RebuildParts;

  constructor(name: string, partitions: readonly Partition[], parts: RebuildParts) {
    this.name = name;
    this.partitions = partitions;
    this.#parts = parts;
  }

  /**
   * The version and its partitions. Each new one follows that which has its streams, so there must be as many, or one.
   *
   * @throws ConfigurationError when there is another number of them, or none where it is asked for by name
   */
  static async find(name: string, parts: RebuildParts): Promise<ReplacedVersion> {
    const { place, projection, partitions, replaces, signal } = parts;
    const count = await place.countOf(name, signal);
    if (count === undefined && replaces !== undefined) {
      throw new ConfigurationError(
        `there is no checkpoint of projection ${JSON.stringify(replaces)}, which is to be replaced`,
      );
    }
    if (count !== undefined && count !== 1 && count !== partitions.length) {
      throw new ConfigurationError(
        `projection ${JSON.stringify(name)} runs in ${count} partitions, and ${JSON.stringify(projection.name)} is to be built in ` +
          `${partitions.length}: they have come to different positions, so there is none to switch at; give "partitions: ${count}"`,
      );
    }
    return new ReplacedVersion(name, partitionsOf(count ?? 1), parts);
  }

  /** @throws CheckpointMismatchError when it followed another store */
  async assertSameStore(identity: string): Promise<void> {
    for (const partition of this.partitions) {
      const stored = await this.#parts.place.load(this.name, partition);
      if (stored === undefined || stored.checkpoint.store === identity) continue;
      throw new CheckpointMismatchError(
        this.name,
        "foreign-store",
        `was written for the store ${stored.checkpoint.store}, this is the store ${identity}; open the right one`,
      );
    }
  }

  /** How far that part has come whose streams this part of the new version takes over; `undefined` when there is none to follow. */
  async position({ index }: Partition): Promise<Position | undefined> {
    const isWhole = this.partitions.length === 1;
    const followed = this.partitions[isWhole ? 0 : index];
    if (followed === undefined) return undefined;
    const stored = await this.#parts.place.load(this.name, followed);
    if (stored !== undefined) return stored.checkpoint.position;
    // A part that nobody has begun.
    return isWhole ? undefined : START;
  }

  /** From here on a part of it stores nothing any more. */
  async retire(partition: Partition): Promise<void> {
    const { place, projection, settings, signal } = this.#parts;
    for (;;) {
      throwIfAborted(signal);
      const stored = await place.load(this.name, partition);
      if (stored?.checkpoint.replacedBy === projection.name) return;
      if (stored === undefined && partition.count === 1) return;
      const before = stored?.checkpoint ?? {
        store: await settings.store.identity({ signal }),
        position: START,
        last: undefined,
        events: 0,
        parked: [],
        runner: "rebuild",
      };
      const retired = { ...withoutRole(before), replacedBy: projection.name };
      if (await place.write(retired, this.name, partition, { expected: stored?.revision ?? 0 })) return;
    }
  }

  /**
   * It may have been revived, and have gone on. Writing it again stops whoever is about to revive it.
   *
   * @throws Overtaken when it was
   */
  async confirmRetired(shadows: readonly Shadow[], call: Step["call"]): Promise<void> {
    const { place, projection } = this.#parts;
    for (const partition of this.partitions) {
      const stored = await place.load(this.name, partition, call);
      if (stored === undefined) continue;
      const { checkpoint, revision: expected } = stored;
      const followers = shadows.filter((shadow) => partition.count === 1 || shadow.partition.index === partition.index);
      const isAhead = followers.some((shadow) => checkpoint.position > shadow.checkpoint.position);
      if (checkpoint.replacedBy !== projection.name || isAhead) throw new Overtaken();
      assertWritten(await place.write(checkpoint, this.name, partition, { expected, call }));
    }
  }
}
