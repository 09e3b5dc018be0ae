import { createHash } from "node:crypto";

/** What the things of one store are called in the database, and the keys of its advisory locks. */
export interface StoreNames {
  readonly schema: string;
  readonly prefix: string;
  /** Quoted, with the schema. */
  readonly meta: string;
  readonly events: string;
  readonly registers: string;
  readonly sequence: string;
  readonly announce: string;
  readonly watermark: string;
  readonly head: string;
  /** Upper 16 bits of the lock keys that announce positions. */
  readonly namespace: number;
  /** First key of the locks on tags and of the lock on migrations, which have two keys and so never meet the others. */
  readonly lockClass: number;
  /** Channel of notifications. */
  readonly channel: string;
}

/** Names that follow from schema and prefix, so that two stores in one database do not stall each other. */
export function storeNames({ schema, prefix }: { readonly schema: string; readonly prefix: string }): StoreNames {
  const digest = createHash("sha256").update(`${schema}.${prefix}`).digest();
  const name = (rest: string): string => `"${schema}"."${prefix}${rest}"`;
  return {
    schema,
    prefix,
    meta: name("meta"),
    events: name("events"),
    registers: name("registers"),
    sequence: name("events_position_seq"),
    announce: name("announce"),
    watermark: name("watermark"),
    head: name("head"),
    namespace: digest.readUInt16BE(0),
    lockClass: digest.readInt32BE(2),
    channel: `es_${digest.toString("hex", 0, 8)}`,
  };
}

/** Second key of an advisory lock. */
export function lockKeyOf(text: string): number {
  return createHash("sha1").update(text).digest().readInt32BE(0);
}
