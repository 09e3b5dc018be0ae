import type { BenchCase } from "./bench-case.ts";

const KEYS = 100;
/** About the size of a checkpoint or a small snapshot. */
const VALUE = JSON.stringify({ position: "00000000000000000042", state: "x".repeat(200) });

/** Registers: what checkpoints, leases and snapshots cost. */
export const REGISTER_CASES: readonly BenchCase[] = [
  {
    id: "register-set",
    title: `registers.set, ${KEYS} keys in turn`,
    callers: 1,
    eventsPerOperation: 1,
    targets: {},
    isWriting: true,
    prepare: (subject) => (_caller, turn) => subject.setRegister(`checkpoint-${turn % KEYS}`, VALUE),
    verify: async () => undefined,
  },
];
