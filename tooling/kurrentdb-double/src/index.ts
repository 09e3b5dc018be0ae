export { type Access, CERTIFICATES, type Permit, type TlsOptions } from "./access.ts";
export { type DoubleProcessOptions, type KurrentDoubleProcess, startKurrentDoubleProcess } from "./double-process.ts";
export type { LoggedEvent } from "./event-log.ts";
export {
  type KurrentDouble,
  type KurrentDoubleOptions,
  type Personality,
  startKurrentDouble,
} from "./kurrent-double.ts";
export type { Fault, Misbehaviour, Operation } from "./misbehaviour.ts";
