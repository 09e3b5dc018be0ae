import type { EventMetadata } from "@es/core";

/**
 * How metadata is kept: a flat JSON object of texts, which every append of the server takes, with the server's own names for the
 * correlation and the causation. What this cannot hold exactly is kept as JSON text under {@link EXACT} as well.
 */
export type ServerMetadata = Readonly<Record<string, string>>;

/** JSON text of the metadata, where the flat members are not all of it. */
const EXACT = "es.metadata";
/** When it was appended: what the server keeps has whole seconds when it is read. */
const RECORDED_AT = "es.recordedAt";
const SERVER_NAMES: ReadonlyMap<string, string> = new Map([
  ["correlationId", "$correlationId"],
  ["causationId", "$causationId"],
]);
const OWN_NAMES: ReadonlyMap<string, string> = new Map([...SERVER_NAMES].map(([own, server]) => [server, own]));
const PLAIN_KEY = /^[A-Za-z][A-Za-z0-9_.:-]{0,99}$/;

/** What the server gets. `recordedAt` is a time as JSON has it. */
export function toServerMetadata(metadata: EventMetadata, recordedAt: string): ServerMetadata {
  // Written out, since a computed name of a member costs more than all the rest where nothing was given.
  const flat: Record<string, string> = { "es.recordedAt": recordedAt };
  const keys = Object.keys(metadata);
  let kept = 0;
  for (const key of keys) {
    const value = metadata[key];
    if (typeof value !== "string" || !value.isWellFormed() || !isPlain(key)) continue;
    flat[SERVER_NAMES.get(key) ?? key] = value;
    kept += 1;
  }
  // An append of several streams does not keep the order of members.
  if (kept < keys.length || keys.length > 1) flat[EXACT] = JSON.stringify(metadata);
  return flat;
}

function isPlain(key: string): boolean {
  return PLAIN_KEY.test(key) && !key.startsWith("es.") && !(key in Object.prototype);
}

/** What is read from the server's metadata. */
export interface ReadMetadata {
  readonly metadata: EventMetadata;
  /** Absent in events of other clients. */
  readonly recordedAt: number | undefined;
}

/** The metadata of an event, also of one that another client wrote. */
export function fromServerMetadata(stored: unknown): ReadMetadata {
  if (!isObject(stored)) return { metadata: {}, recordedAt: undefined };
  const time = typeof stored[RECORDED_AT] === "string" ? Date.parse(stored[RECORDED_AT]) : Number.NaN;
  const recordedAt = Number.isNaN(time) ? undefined : time;
  const exact = stored[EXACT];
  if (typeof exact === "string") {
    const metadata = parseObject(exact);
    if (metadata !== undefined) return { metadata, recordedAt };
  }
  // What the store writes for an event without metadata.
  if (recordedAt !== undefined && Object.keys(stored).length === 1) return { metadata: {}, recordedAt };
  const members = Object.entries(stored).flatMap(([key, value]): [string, never][] => {
    if (key.startsWith("es.") || key.startsWith("$schema.")) return [];
    return [[OWN_NAMES.get(key) ?? key, value]];
  });
  return { metadata: Object.fromEntries(members), recordedAt };
}

function parseObject(text: string): EventMetadata | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

// What JSON brings has no other values; its members are passed on as they are.
function isObject(value: unknown): value is Readonly<Record<string, never>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
