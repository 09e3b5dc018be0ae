import type { Position, Registers } from "@es/core";
import { parseObject } from "../checkpoint/checkpoint.ts";

/** What the calls of registers have in common. */
interface Call {
  readonly signal?: AbortSignal;
  readonly tx?: unknown;
}

/** The register that says where all partitions of a projection begin that begins now. */
export function sharedStartKey(projection: string): string {
  return `start:${projection}`;
}

/**
 * Where a projection in several partitions begins that begins now: for all of them at the head that the first one met. A partition that
 * nobody runs at that moment would otherwise miss what is stored until somebody does.
 */
export async function sharedStart(
  registers: Registers<unknown>,
  projection: string,
  { store, head }: { readonly store: string; readonly head: () => Promise<Position> },
  call: Call,
): Promise<Position> {
  for (;;) {
    const register = await registers.get(sharedStartKey(projection), call);
    const known = (register === undefined ? undefined : parseObject(register.value)) ?? {};
    if (known["store"] === store && typeof known["position"] === "string") return known["position"];
    const position = await head();
    const text = JSON.stringify({ format: 1, store, position });
    const expected = register?.revision ?? 0;
    if ((await registers.set(sharedStartKey(projection), text, { ...call, expected })) !== undefined) return position;
  }
}
