import { openKurrentDbEventStore } from "@es/store-kurrentdb";
import { startKurrentDoubleProcess } from "kurrentdb-double";
import type { Backend, RunningBackend } from "./backend.ts";
import { openBareKurrentDb } from "./bare-kurrentdb.ts";
import { createToolkitSubject } from "./toolkit-subject.ts";

/** The KurrentDB store, against the client below it. Both talk to the double, so this is what the store costs and no more. */
export const KURRENTDB_BACKENDS: readonly Backend[] = [
  {
    id: "kurrentdb",
    title: "KurrentDB's client on a double of the server in a process of its own",
    timeEvery: 1,
    maxPerSlice: 5_000,
    cases: /^append-(1|8|32)-callers-batch-1$|^read-stream-1000$|^read-all-100000$|^project-20000-count$/,
    start,
  },
];

/** Each side has a double of its own. */
async function start(): Promise<RunningBackend> {
  return {
    server: "a double of KurrentDB 26.1",
    async open(side) {
      const double = await startKurrentDoubleProcess();
      const { connectionString } = double;
      const subject =
        side === "bare"
          ? await openBareKurrentDb(connectionString)
          : createToolkitSubject(await openKurrentDbEventStore({ connectionString }));
      return {
        ...subject,
        async [Symbol.asyncDispose]() {
          await subject[Symbol.asyncDispose]();
          await double[Symbol.asyncDispose]();
        },
      };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
