import { appendFileSync, existsSync, readFileSync } from "node:fs";
import type { LoggedEvent } from "./event-log.ts";

/** Keeps a log in a file: one line of JSON for each append, so that an append is there as a whole or not at all. */
export interface LogFile {
  readonly history: readonly LoggedEvent[];
  keep(events: readonly LoggedEvent[]): void;
}

interface StoredEvent {
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly customMetadata: string;
  readonly data: string;
  readonly streamName: string;
  readonly revision: string;
  readonly position: string;
  readonly createdMs: number;
}

/** Reads what an earlier double has kept in the file, if there is one. Survives SIGKILL, not a power failure. */
export function openLogFile(path: string): LogFile {
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const lines = text.split("\n");
  // A line that was being written when the process was killed was not answered.
  const torn = lines.pop();
  if (torn !== undefined && torn !== "") appendFileSync(path, "\n");
  return {
    history: lines.flatMap((line) => parseLine(line).map(fromStored)),
    keep: (events) => appendFileSync(path, `${JSON.stringify(events.map(toStored))}\n`),
  };
}

function parseLine(line: string): readonly StoredEvent[] {
  try {
    const events: readonly StoredEvent[] = JSON.parse(line);
    return events;
  } catch {
    // Torn, by an earlier process.
    return [];
  }
}

function toStored(event: LoggedEvent): StoredEvent {
  return {
    ...event,
    customMetadata: event.customMetadata.toString("base64"),
    data: event.data.toString("base64"),
    revision: String(event.revision),
    position: String(event.position),
  };
}

function fromStored(event: StoredEvent): LoggedEvent {
  return {
    ...event,
    customMetadata: Buffer.from(event.customMetadata, "base64"),
    data: Buffer.from(event.data, "base64"),
    revision: BigInt(event.revision),
    position: BigInt(event.position),
  };
}
