import { expect } from "vitest";
import type { Answerer } from "./call.ts";
import { Model } from "./model.ts";
import type { Program, Step } from "./step.ts";

/**
 * Takes the steps on both, expecting the same answer to each and the same log after each that may have changed it.
 * The model goes along to say how far the program has come; it may be `expected` itself.
 */
export async function compare(
  taken: readonly Step[],
  prefix: string,
  expected: Answerer,
  actual: Answerer,
): Promise<void> {
  const model = expected instanceof Model ? expected : new Model();
  const program: Program = { prefix, model, appends: [] };
  for (const step of taken) {
    const call = step(program);
    if (model !== expected) await model.answer(call);
    const shown = `answer to ${JSON.stringify(call)}`;
    expect(await actual.answer(call), shown).toStrictEqual(await expected.answer(call));
    if (call.kind === "append") expect(await actual.log(), `log after ${shown}`).toStrictEqual(await expected.log());
  }
}
