import type { AppendResult } from "@es/core";
import { type EncodedAppend, meetsExpectedVersion } from "@es/core/adapter";
import type { AppendStatements } from "./append-statements.ts";
import type { KnownVersions } from "./known-versions.ts";
import type { WriteTask } from "./write-task.ts";

/** What a task of appending needs. */
export interface AppendTools {
  readonly statements: AppendStatements;
  readonly known: KnownVersions;
  readonly clock: () => number;
  readonly onStored: () => void;
}

/** An append as work for the writer. */
export class AppendTask implements WriteTask<AppendResult> {
  readonly events: number;
  readonly bytes: number;
  readonly #append: EncodedAppend;
  readonly #tools: AppendTools;

  constructor(append: EncodedAppend, tools: AppendTools) {
    this.events = append.events;
    this.bytes = append.bytes;
    this.#append = append;
    this.#tools = tools;
  }

  run(): AppendResult {
    const { statements, known, clock } = this.#tools;
    return statements.append(this.#append, Math.round(clock()), known);
  }

  /**
   * One INSERT without BEGIN and COMMIT is a quarter faster than a transaction. It needs no look at the stream when the
   * stream is known to have reached the expected version: that it has not gone further is what the unique index checks.
   */
  runBare(): AppendResult | undefined {
    const { writes, condition } = this.#append;
    const [write] = writes;
    const event = write?.events[0];
    if (this.events !== 1 || condition !== undefined || write === undefined || event === undefined) return undefined;
    if (event.tags.length > 0) return undefined;
    const { streamId, expected } = write;
    const { statements, known, clock } = this.#tools;
    let base = expected === 0 || expected === "no-stream" ? 0 : known.get(streamId);
    if (base === undefined || !meetsExpectedVersion(expected, base)) base = statements.versionOf(streamId);
    if (!meetsExpectedVersion(expected, base)) return undefined;
    return statements.appendOne(streamId, base, event, Math.round(clock()));
  }

  isStored(result: AppendResult): boolean {
    return this.#tools.statements.isStored(this.#append, result);
  }

  /** A repetition stands there because of an earlier transaction. */
  isProof(result: AppendResult): boolean {
    return !result.duplicate;
  }

  onCommitted(result: AppendResult): void {
    const { known, onStored } = this.#tools;
    for (const [index, { streamId }] of this.#append.writes.entries()) {
      const version = result.versions[index] ?? 0;
      if (version > (known.get(streamId) ?? 0)) known.set(streamId, version);
    }
    if (!result.duplicate) onStored();
  }
}
