import { describe } from "../errors/errors.ts";
import type { Lag, RunnerState, RunnerStatus } from "./runner-status.ts";

const WORDS: Readonly<Record<RunnerState, string>> = {
  idle: "not started",
  starting: "starting",
  "catching-up": "catching up",
  live: "live",
  retrying: "trying again",
  paused: "paused",
  stopping: "stopping",
  stopped: "stopped",
  failed: "failed",
};

/**
 * One line for a terminal about how a runner is getting on, without a line break and without colours. With what `lag()` has counted, it
 * also says how much is done since the start and how long the rest will take.
 *
 * @example
 * ```ts
 * import { type ProjectionRunner, progressLine } from "@es/projections";
 *
 * export async function show(runner: ProjectionRunner): Promise<void> {
 *   process.stdout.write(`\r\u001b[K${progressLine(runner.status(), await runner.lag())}`);
 * }
 * ```
 */
export function progressLine(status: RunnerStatus, lag?: Lag): string {
  const { projection, state, events, eventsPerSecond, lagMs, parkedStreams, parkedEvents, lastError } = status;
  const parts = [`${WORDS[state]}`, `${grouped(events)} ${events === 1 ? "event" : "events"}`];
  if (lag !== undefined && lag.events > 0) parts.push(remaining(lag, events, eventsPerSecond));
  if (eventsPerSecond >= 0.5) parts.push(`${grouped(Math.round(eventsPerSecond))}/s`);
  if (lagMs >= 1_000) parts.push(`${duration(lagMs)} behind`);
  if (parkedStreams > 0) parts.push(`${grouped(parkedEvents)} parked in ${grouped(parkedStreams)}`);
  if (lastError !== undefined) parts.push(oneLine(lastError));
  return `${projection}: ${parts.join(", ")}`;
}

function remaining(lag: Lag, events: number, eventsPerSecond: number): string {
  if (!lag.isExact) return `more than ${grouped(lag.events)} to go`;
  // Never 100 % while something is left.
  const share = Math.min(99, Math.floor((events / (events + lag.events)) * 100));
  const left = eventsPerSecond >= 0.5 ? `, ${duration((lag.events / eventsPerSecond) * 1_000)} left` : "";
  return `${share} % (${grouped(lag.events)} to go${left})`;
}

/** A whole number with its thousands parted. The same on every machine, whatever its language. */
function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

function oneLine(error: unknown): string {
  const line = (typeof error === "string" ? error : describe(error)).replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}
