import { ConfigurationError } from "@es/core";
import { checkpointKey } from "../checkpoint/checkpoint.ts";

/** One of several equal parts of the streams. A stream is always in the same one, so its order is kept. */
export interface Partition {
  /** From 0. */
  readonly index: number;
  /** How many there are. */
  readonly count: number;
}

/** @throws ConfigurationError naming a number of partitions that cannot be */
export function assertPartitions(numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isSafeInteger(value) || value < 1 || value > 1_000) {
      throw new ConfigurationError(`${name} is ${value}; it must be a whole number from 1 to 1000`);
    }
  }
}

/** All parts of a split into so many. */
export function partitionsOf(count: number): readonly Partition[] {
  return Array.from({ length: count }, (_, index) => ({ index, count }));
}

/** The part that a stream is in. Never change it: which checkpoint covers a stream follows from it. */
export function partitionOf(streamId: string, count: number): number {
  // FNV-1a over the UTF-16 code units.
  let hash = 0x811c9dc5;
  for (let index = 0; index < streamId.length; index += 1) {
    hash = Math.imul(hash ^ streamId.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % count;
}

/** The register of the checkpoint of a partition; the only one has that of the whole projection. */
export function partitionKey(projection: string, { index, count }: Partition): string {
  const whole = checkpointKey(projection);
  return count === 1 ? whole : `${whole}:${index}/${count}`;
}

/** Whether a register is a checkpoint of the projection, of the whole or of a part. */
export function isCheckpointOf(projection: string, key: string): boolean {
  const whole = checkpointKey(projection);
  return key === whole || key.startsWith(`${whole}:`);
}

/** Into how many parts a projection is split, as the register of a checkpoint says. */
export function countOf(key: string): number {
  return Number(/:\d+\/(\d+)$/.exec(key)?.[1] ?? 1);
}
