import { ConfigurationError } from "@es/core";

/** What a server of some version can do beyond the oldest that is supported. */
export interface ServerFeatures {
  /** Such as 2.9.10. */
  readonly version: string;
  /** Whether replicas stay the same when a server of the cluster is killed. Those of 2.9 do not. */
  readonly hasSafeReplicas: boolean;
  /** Consumers of several subjects: 2.10. */
  readonly hasSeveralFilters: boolean;
  /** Direct gets of many messages at once: 2.11. */
  readonly hasDirectBatches: boolean;
  /** Several messages stored all or nothing: 2.12. */
  readonly hasAtomicBatches: boolean;
}

/** @throws ConfigurationError when the server is older than 2.9 */
export function featuresOf(version: string | undefined): ServerFeatures {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version ?? "") ?? [];
  const number = Number(major) * 1_000 + Number(minor);
  if (!(number >= 2_009)) {
    throw new ConfigurationError(`nats-server ${version ?? "of an unknown version"} is too old; use 2.9 or later`);
  }
  return {
    version: version ?? "",
    hasSafeReplicas: number >= 2_010,
    hasSeveralFilters: number >= 2_010,
    hasDirectBatches: number >= 2_011,
    hasAtomicBatches: number >= 2_012,
  };
}
