import { performance } from "node:perf_hooks";
import type { Outcome } from "./subject.ts";

/** How an operation is repeated. */
export interface CallPlan {
  readonly callers: number;
  /** Operations of each caller. */
  readonly turns: number;
  /** Time only each n-th call on its own, where reading the clock would cost as much as the call. */
  readonly timeEvery: number;
}

/** What a run took. */
export interface CallTimes {
  readonly elapsedMs: number;
  /** How long single calls took, as their callers saw it: waiting for others included. */
  readonly latenciesMs: Float64Array;
}

/** One operation: the turn `turn` of caller `caller`. */
export type Operation = (caller: number, turn: number) => Outcome<unknown>;

/** Runs all callers at once, each making its calls one after the other. A lone caller awaits only what is a promise. */
export async function runCallers(plan: CallPlan, operation: Operation): Promise<CallTimes> {
  // Outside of the heap and of its final size, so that the measuring does not show in what is measured.
  const latencies = new Latencies(plan);
  const start = performance.now();
  if (plan.callers === 1) await callAlone(plan, operation, latencies);
  else {
    await Promise.all(
      Array.from({ length: plan.callers }, (_, caller) => callAmongOthers(plan, operation, caller, latencies)),
    );
  }
  return { elapsedMs: performance.now() - start, latenciesMs: latencies.all() };
}

async function callAlone(plan: CallPlan, operation: Operation, latencies: Latencies): Promise<void> {
  for (let turn = 0; turn < plan.turns; turn += 1) {
    const isTimed = turn % plan.timeEvery === 0;
    const start = isTimed ? performance.now() : 0;
    const outcome = operation(0, turn);
    if (outcome instanceof Promise) await outcome;
    if (isTimed) latencies.add(performance.now() - start);
  }
}

async function callAmongOthers(
  plan: CallPlan,
  operation: Operation,
  caller: number,
  latencies: Latencies,
): Promise<void> {
  for (let turn = 0; turn < plan.turns; turn += 1) {
    const isTimed = (caller + turn) % plan.timeEvery === 0;
    const start = isTimed ? performance.now() : 0;
    await operation(caller, turn);
    if (isTimed) latencies.add(performance.now() - start);
  }
}

class Latencies {
  readonly #figures: Float64Array;
  #count = 0;

  constructor({ callers, turns, timeEvery }: CallPlan) {
    this.#figures = new Float64Array(callers * Math.ceil(turns / timeEvery));
  }

  add(ms: number): void {
    this.#figures[this.#count] = ms;
    this.#count += 1;
  }

  all(): Float64Array {
    return this.#figures.slice(0, this.#count);
  }
}
