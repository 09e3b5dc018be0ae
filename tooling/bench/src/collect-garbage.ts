import { memoryUsage } from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes of live objects: what the heap holds after a full collection. */
export function liveHeapBytes(): number {
  collect();
  collect();
  return memoryUsage().heapUsed;
}

const collect = exposeCollector();

function exposeCollector(): () => void {
  setFlagsFromString("--expose-gc");
  // Contexts that exist already do not get the function.
  const gc: unknown = runInNewContext("gc");
  if (typeof gc !== "function") throw new Error("this Node does not offer its garbage collector");
  return () => {
    gc();
  };
}
