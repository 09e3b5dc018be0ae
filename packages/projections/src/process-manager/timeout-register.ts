import { ConfigurationError, type Registers, StoreFormatError, StoreUnavailableError } from "@es/core";
import { toJson } from "@es/core/adapter";
import { parseObject } from "../checkpoint/checkpoint.ts";
import { assertIs, someRegisters } from "../definition/member-rules.ts";
import { assertProjectionName } from "../definition/projection-name.ts";
import type { PendingTimeout, TimeoutFailure } from "./timeout.ts";

/** Time-outs are spread over so many registers, so that each write carries few of the others. Never change it. */
const SHARDS = 64;
/** Longest text of a register; every store takes that much. */
const MAX_LENGTH = 500_000;
const TRIES = 20;

/** What the calls of registers have in common. */
interface Call {
  readonly signal?: AbortSignal;
  readonly tx?: unknown;
}

function prefixOf(manager: string): string {
  return `timeouts:${manager}:`;
}

function keyOf(manager: string, key: string): string {
  // FNV-1a over the UTF-16 code units.
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return `${prefixOf(manager)}${(hash >>> 0) % SHARDS}`;
}

/**
 * The time-outs of a process manager that are waiting, those that are due first in front. For a console or a health check. One that
 * is held back because its handler failed too often says so in `parked`.
 *
 * @param registers - those of the store
 * @throws StoreFormatError when a newer version of this package wrote them
 */
export async function listTimeouts(
  registers: Registers<unknown>,
  processManager: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<readonly PendingTimeout[]> {
  assertProjectionName(processManager);
  assertIs("where the time-outs are kept", registers, someRegisters);
  const all: PendingTimeout[] = [];
  for await (const key of registers.keys(prefixOf(processManager), options)) {
    const register = await registers.get(key, options);
    if (register !== undefined) all.push(...parse(key, register.value));
  }
  return all.toSorted((a, b) => a.dueAt - b.dueAt);
}

/** The time-out with this key, if it waits. */
export async function findTimeout(
  registers: Registers<unknown>,
  manager: string,
  key: string,
  call: Call,
): Promise<PendingTimeout | undefined> {
  const shard = keyOf(manager, key);
  const register = await registers.get(shard, call);
  return register === undefined ? undefined : parse(shard, register.value).find((other) => other.key === key);
}

/** A change of what waits under a key: a time-out, nothing, or nothing instead of a certain one. */
export interface TimeoutChange {
  readonly key: string;
  readonly timeout: PendingTimeout | undefined;
  /** Only when this one waits. */
  readonly id?: string;
}

/**
 * Makes changes, in their order.
 *
 * @param assertHeld - throws when somebody else does this work now. Asked between reading and writing: what the other one changes
 * after that lets the write be refused
 * @throws ConfigurationError when there are too many
 */
export async function changeTimeouts(
  registers: Registers<unknown>,
  manager: string,
  changes: readonly TimeoutChange[],
  { assertHeld, ...call }: Call & { readonly assertHeld: () => Promise<void> },
): Promise<void> {
  for (const [shard, own] of Map.groupBy(changes, ({ key }) => keyOf(manager, key))) {
    await changeShard(registers, shard, own, assertHeld, call);
  }
}

async function changeShard(
  registers: Registers<unknown>,
  shard: string,
  changes: readonly TimeoutChange[],
  assertHeld: () => Promise<void>,
  call: Call,
): Promise<void> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const register = await registers.get(shard, call);
    const before = register === undefined ? [] : parse(shard, register.value);
    const text = JSON.stringify({ format: 1, timeouts: changes.reduce(changed, before) });
    if (text.length > MAX_LENGTH) {
      throw new ConfigurationError(
        `register ${JSON.stringify(shard)} would hold more than ${MAX_LENGTH} characters of time-outs that wait; give them less data, or cancel those that are not needed`,
      );
    }
    if (text === register?.value) return;
    await assertHeld();
    if ((await registers.set(shard, text, { ...call, expected: register?.revision ?? 0 })) !== undefined) return;
  }
  throw new StoreUnavailableError(`register ${JSON.stringify(shard)} was changed by others again and again`);
}

function changed(timeouts: readonly PendingTimeout[], { key, timeout, id }: TimeoutChange): readonly PendingTimeout[] {
  const others = timeouts.filter((other) => other.key !== key || (id !== undefined && other.id !== id));
  return timeout === undefined ? others : [...others, timeout];
}

function parse(register: string, text: string): readonly PendingTimeout[] {
  const { format, timeouts } = parseObject(text) ?? {};
  if (format !== 1 || !Array.isArray(timeouts)) throw unreadable(register);
  return timeouts.map((timeout) => parseOne(register, timeout));
}

function parseOne(register: string, value: unknown): PendingTimeout {
  const { key, id, type, data, schemaVersion, dueAt, correlationId, after, parked } = recordOf(value);
  if (
    typeof key !== "string" ||
    typeof id !== "string" ||
    typeof type !== "string" ||
    typeof schemaVersion !== "number" ||
    typeof dueAt !== "number" ||
    typeof correlationId !== "string" ||
    typeof after !== "string"
  ) {
    throw unreadable(register);
  }
  const timeout = { key, id, type, data: toJson(data, "data"), schemaVersion, dueAt, correlationId, after };
  return parked === undefined ? timeout : { ...timeout, parked: parseFailure(register, parked) };
}

function parseFailure(register: string, value: unknown): TimeoutFailure {
  const { attempts, error, parkedAt } = recordOf(value);
  if (typeof attempts !== "number" || typeof error !== "string" || typeof parkedAt !== "number") {
    throw unreadable(register);
  }
  return { attempts, error, parkedAt };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function unreadable(register: string): StoreFormatError {
  return new StoreFormatError(
    `register ${JSON.stringify(register)} does not hold time-outs in a form that this package knows; install the version that wrote it`,
  );
}
