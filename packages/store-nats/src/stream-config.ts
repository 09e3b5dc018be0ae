import type { ServerFeatures } from "./features.ts";

/** Version of what is stored: subjects, headers, bodies and the settings of both streams. */
export const FORMAT = 1;

/** Settings of a JetStream stream, as far as the store cares. */
export interface StreamConfig {
  readonly name: string;
  readonly description?: string;
  readonly subjects?: readonly string[];
  readonly retention: string;
  readonly storage: "file" | "memory";
  readonly num_replicas: number;
  readonly max_msgs: number;
  readonly max_bytes: number;
  readonly max_age: number;
  readonly max_msgs_per_subject: number;
  readonly max_msg_size?: number;
  readonly discard: string;
  readonly allow_direct?: boolean;
  readonly deny_delete?: boolean;
  readonly deny_purge?: boolean;
  readonly allow_rollup_hdrs?: boolean;
  readonly allow_atomic?: boolean;
  readonly no_ack?: boolean;
  readonly sealed?: boolean;
  readonly max_consumers?: number;
  readonly persist_mode?: string;
  readonly allow_msg_counter?: boolean;
  readonly subject_transform?: unknown;
  readonly mirror?: unknown;
  readonly sources?: readonly unknown[] | null;
}

/** How a store's streams are made. */
export interface StreamPlan {
  readonly name: string;
  readonly identity: string;
  readonly replicas: number;
  readonly storage: "file" | "memory";
  readonly features: ServerFeatures;
}

/** Name of the JetStream stream that holds the events. */
export function eventsStreamOf(name: string): string {
  return `${name}-events`;
}

/** Name of the JetStream stream below the key-value bucket that holds the registers. */
export function registersStreamOf(name: string): string {
  return `KV_${name}-registers`;
}

/** What the subjects of the registers begin with, as in every key-value bucket. */
export function registersPrefixOf(name: string): string {
  return `$KV.${name}-registers`;
}

/** Settings of the events' stream. Nothing in it may ever be removed. */
export function eventsConfig(plan: StreamPlan): StreamConfig {
  return {
    ...common(plan),
    name: eventsStreamOf(plan.name),
    subjects: [`${plan.name}.*.*`],
    max_msgs_per_subject: -1,
    deny_delete: true,
    deny_purge: true,
    ...(plan.features.hasAtomicBatches ? { allow_atomic: true } : {}),
  };
}

/** Settings of the registers' stream: a key-value bucket that keeps the newest value of each key. */
export function registersConfig(plan: StreamPlan): StreamConfig {
  return {
    ...common(plan),
    name: registersStreamOf(plan.name),
    subjects: [`${registersPrefixOf(plan.name)}.>`],
    max_msgs_per_subject: 1,
    deny_delete: true,
    deny_purge: false,
    allow_rollup_hdrs: true,
  };
}

function common({ identity, storage, replicas }: StreamPlan) {
  return {
    // Here it is set in one step with the stream itself, by whoever is the first, on every version of the server.
    description: describeStore(identity),
    retention: "limits",
    storage,
    num_replicas: replicas,
    max_msgs: -1,
    max_bytes: -1,
    max_age: 0,
    discard: "new",
    allow_direct: true,
  } as const;
}

function describeStore(identity: string): string {
  return `@es/store-nats format=${FORMAT} store=${identity}`;
}

/** What the description of a stream says, or `undefined` when it is not one of this package. */
export function readDescription(
  description: string | undefined,
): { readonly format: number; readonly identity: string } | undefined {
  const [, format, identity = ""] = /^@es\/store-nats format=(\d+) store=([0-9a-f-]{36})/.exec(description ?? "") ?? [];
  return format === undefined ? undefined : { format: Number(format), identity };
}

function isGiven(setting: unknown): boolean {
  return setting !== undefined && setting !== null;
}

/** How a stream differs from what the store needs, one sentence each. */
export function differencesOf(
  actual: StreamConfig,
  wanted: StreamConfig,
  given: { readonly replicas: number | undefined; readonly storage: string | undefined },
): readonly string[] {
  const found: string[] = [];
  const check = (setting: string, is: unknown, must: unknown): void => {
    if (JSON.stringify(is) !== JSON.stringify(must)) {
      found.push(`${setting} is ${JSON.stringify(is) ?? "not set"}, must be ${JSON.stringify(must)}`);
    }
  };
  check("subjects", actual.subjects ?? [], wanted.subjects);
  check("retention", actual.retention, wanted.retention);
  check("max_age", actual.max_age, 0);
  check("max_msgs_per_subject", actual.max_msgs_per_subject, wanted.max_msgs_per_subject);
  check("deny_delete", actual.deny_delete ?? false, wanted.deny_delete);
  if (wanted.deny_purge === true) check("deny_purge", actual.deny_purge ?? false, true);
  check("allow_direct", actual.allow_direct ?? false, true);
  check("no_ack", actual.no_ack ?? false, false);
  check("sealed", actual.sealed ?? false, false);
  if (isGiven(actual.mirror)) found.push("it is a mirror, must be a stream of its own");
  if ((actual.sources ?? []).length > 0) found.push("it has sources, must have none");
  // Reads need them.
  check("max_consumers", actual.max_consumers ?? -1, -1);
  // It acknowledges what it has not written yet.
  if (actual.persist_mode === "async") check("persist_mode", actual.persist_mode, "default");
  check("allow_msg_counter", actual.allow_msg_counter ?? false, false);
  if (isGiven(actual.subject_transform)) found.push("it has a subject_transform, must have none");
  // A limit is fine as long as the server refuses what is new and does not remove what is old.
  if (actual.max_msgs > 0 || actual.max_bytes > 0) check("discard", actual.discard, "new");
  if (given.replicas !== undefined) check("num_replicas", actual.num_replicas, given.replicas);
  if (given.storage !== undefined) check("storage", actual.storage, given.storage);
  return found;
}
