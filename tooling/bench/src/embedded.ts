import type { RunningBackend, Side } from "./backend.ts";
import type { Subject } from "./subject.ts";

/** A backend that lives in this process. */
export async function embedded(open: (side: Side, directory: string) => Promise<Subject>): Promise<RunningBackend> {
  return { server: null, open, [Symbol.asyncDispose]: async () => undefined };
}
