import { z } from "zod";

const spreadSchema = z.object({ median: z.number(), min: z.number(), max: z.number() });

const sideSchema = z.object({
  operationsPerSecond: spreadSchema,
  /** Of the calls of all rounds together. */
  p50Ms: z.number(),
  p99Ms: z.number(),
  /** Live objects after the run, less those before it. */
  heapBytesPerOperation: spreadSchema,
});

const caseSchema = z.object({
  id: z.string(),
  backend: z.string(),
  title: z.string(),
  callers: z.number(),
  eventsPerOperation: z.number(),
  operationsPerRound: z.number(),
  /** One for each round: throughput of the toolkit, divided by that of the bare driver. */
  ratios: z.array(z.number()),
  ratio: spreadSchema,
  /** What was to be reached. */
  targets: z.array(z.object({ text: z.string(), isMet: z.boolean() })),
  toolkit: sideSchema,
  bare: sideSchema,
});

const flatSchema = z.object({
  id: z.string(),
  title: z.string(),
  events: z.number(),
  elapsedMs: z.number(),
  /** Live heap after a collection, at each tenth of the replay; without the log where that is in the heap. */
  heapBytes: z.array(z.number()),
  /** The largest distance from the first tenth, as a share of it. */
  largestDeviation: z.number(),
  target: z.number(),
  isMet: z.boolean(),
});

const quantilesSchema = z.object({ p50Ms: z.number(), p99Ms: z.number() });

const timesSchema = z.object({
  /** From before the append until the handler has run. */
  fromAppend: quantilesSchema,
  /** From when the append was acknowledged; 0 when the handler was faster. */
  fromAcknowledgement: quantilesSchema,
});

const latencySchema = z.object({
  id: z.string(),
  title: z.string(),
  appends: z.number(),
  toolkit: timesSchema,
  /** Absent where there is nothing to compare with. */
  bare: timesSchema.nullable(),
});

const machineSchema = z.object({
  cpu: z.string(),
  cores: z.number(),
  memoryGiB: z.number(),
  platform: z.string(),
  node: z.string(),
  sqlite: z.string(),
  /** The servers of the backends that were measured, with their versions. */
  servers: z.array(z.string()),
  fileSystem: z.string(),
  /** 4 KiB appended and forced to the disk. */
  fsyncP50Ms: z.number(),
  fsyncP99Ms: z.number(),
  loadAverage: z.number(),
});

/** The JSON that a run writes. */
export const reportSchema = z.object({
  format: z.literal(3),
  startedAt: z.iso.datetime(),
  rounds: z.number(),
  machine: machineSchema,
  cases: z.array(caseSchema),
  flat: z.array(flatSchema),
  latency: z.array(latencySchema),
});

export type BenchReport = z.output<typeof reportSchema>;
export type CaseReport = z.output<typeof caseSchema>;
export type SideReport = z.output<typeof sideSchema>;
export type FlatReport = z.output<typeof flatSchema>;
export type LatencyReport = z.output<typeof latencySchema>;
export type MachineFacts = z.output<typeof machineSchema>;
