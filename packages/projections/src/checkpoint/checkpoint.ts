import type { Position } from "@es/core";
import { CheckpointUnreadableError } from "../errors/errors.ts";
import { type ParkedList, parseParked } from "../parking/parked.ts";

/** The event that was handled last. It tells whether a store still has the history that the checkpoint speaks of. */
export interface HandledEvent {
  readonly streamId: string;
  readonly version: number;
  readonly id: string;
}

/** How far a projection has come, and in which store. */
export interface Checkpoint {
  /** The identity of the store that was read. */
  readonly store: string;
  /** Everything up to here was handled. */
  readonly position: Position;
  /** The event that was handled last, unless none was. */
  readonly last: HandledEvent | undefined;
  /** How many events were handled. */
  readonly events: number;
  /** The streams that are held back. They are in the checkpoint so that both change together. */
  readonly parked: ParkedList;
  /** The runner that wrote it. */
  readonly runner: string;
  /** The read model that it is being rebuilt for, as long as readers do not see it. */
  readonly shadowOf?: string;
  /** The projection that took its place. Nothing is handled under this name any more. */
  readonly replacedBy?: string;
  /** Events up to here were handled before, by another version or before a reset. */
  readonly replayTo?: Position;
}

/** The format that this package writes. */
const FORMAT = 1;

/** The register of a projection's checkpoint. */
export function checkpointKey(name: string): string {
  return `checkpoint:${name}`;
}

/** The text that a register keeps. */
export function serializeCheckpoint(checkpoint: Checkpoint): string {
  const { store, position, last, events, parked, runner, shadowOf, replacedBy, replayTo } = checkpoint;
  return JSON.stringify({
    format: FORMAT,
    store,
    position,
    events,
    runner,
    ...(last === undefined ? {} : { last }),
    ...(parked.length === 0 ? {} : { parked }),
    ...(shadowOf === undefined ? {} : { shadowOf }),
    ...(replacedBy === undefined ? {} : { replacedBy }),
    ...(replayTo === undefined ? {} : { replayTo }),
  });
}

/**
 * The checkpoint in a register.
 * @throws CheckpointUnreadableError when the text is not one, or was written by a newer version of this package
 */
export function parseCheckpoint(key: string, text: string): Checkpoint {
  const value = parseObject(text);
  if (typeof value?.["format"] === "number" && value["format"] > FORMAT) {
    throw new CheckpointUnreadableError(
      key,
      `has format ${value["format"]}, this package knows format ${FORMAT}; install the version that wrote it`,
    );
  }
  const { format, store, position, events, runner, last } = value ?? {};
  const parked = parseParked(value?.["parked"]);
  if (
    format !== FORMAT ||
    typeof store !== "string" ||
    typeof position !== "string" ||
    typeof events !== "number" ||
    typeof runner !== "string" ||
    parked === undefined
  ) {
    throw new CheckpointUnreadableError(
      key,
      "is not a checkpoint; restore it from a backup, or delete it with resetProjection() after emptying the read model",
    );
  }
  return { store, position, events, runner, parked, last: handledEvent(last), ...roleOf(value) };
}

function roleOf(value: unknown): Pick<Checkpoint, "shadowOf" | "replacedBy" | "replayTo"> {
  if (!isRecord(value)) return {};
  const { shadowOf, replacedBy, replayTo } = value;
  return {
    ...(typeof shadowOf === "string" ? { shadowOf } : {}),
    ...(typeof replacedBy === "string" ? { replacedBy } : {}),
    ...(typeof replayTo === "string" ? { replayTo } : {}),
  };
}

/** The checkpoint of a projection that has neither a place to take nor lost its own. */
export function withoutRole({ shadowOf: _shadowOf, replacedBy: _replacedBy, ...checkpoint }: Checkpoint): Checkpoint {
  return checkpoint;
}

function handledEvent(value: unknown): HandledEvent | undefined {
  if (!isRecord(value)) return undefined;
  const { streamId, version, id } = value;
  if (typeof streamId !== "string" || typeof version !== "number" || typeof id !== "string") return undefined;
  return { streamId, version, id };
}

/** The object in a text, or `undefined` when it holds none. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
