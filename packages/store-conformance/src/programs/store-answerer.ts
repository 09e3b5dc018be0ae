import { type EventStore, isEventSourcingError, type RecordedEvent } from "@es/core";
import { collect, readLog, readStream } from "../reading.ts";
import type { Answer, Answerer, Call, Revision, SeenEvent } from "./call.ts";

/** No store counts that far in one program. */
const NEVER = Number.MAX_SAFE_INTEGER - 1;

/** Asks a store, and translates between its positions and revisions and those that count from the start of the program. */
export class StoreAnswerer implements Answerer {
  readonly #store: EventStore<unknown>;
  /** The position of every event of the program; the one before it comes first. */
  readonly #positions: string[];
  readonly #revisions = new Map<string, number[]>();

  private constructor(store: EventStore<unknown>, start: string) {
    this.#store = store;
    this.#positions = [start];
  }

  /** For a program that begins now; what the store holds already is not part of it. */
  static async begin(store: EventStore<unknown>): Promise<StoreAnswerer> {
    return new StoreAnswerer(store, await store.head());
  }

  async log(): Promise<readonly SeenEvent[]> {
    return this.#see(await readLog(this.#store, { after: this.#positionAt(0) }));
  }

  async answer(call: Call): Promise<Answer> {
    try {
      return await this.#ask(call);
    } catch (error) {
      if (!isEventSourcingError(error)) return { kind: "failed", error: String(error) };
      if (error.code === "ES_CONDITION_FAILED") return { kind: "condition-failed" };
      if (error.code !== "ES_CONCURRENCY") return { kind: "failed", error: `${error.code}: ${error.message}` };
      return {
        kind: "conflict",
        streamId: Reflect.get(error, "streamId"),
        expected: Reflect.get(error, "expected"),
        actual: Reflect.get(error, "actual"),
      };
    }
  }

  async #ask(call: Call): Promise<Answer> {
    switch (call.kind) {
      case "append": {
        const { condition } = call;
        const options =
          condition === undefined ? {} : { if: { none: condition.none, after: this.#positionAt(condition.after) } };
        const { position, versions, duplicate } = await this.#store.append(call.writes, options);
        if (!duplicate) await this.#learnPositions();
        return { kind: "appended", versions, place: this.#positions.indexOf(position), duplicate };
      }
      case "read-stream":
        return { kind: "events", events: this.#see(await readStream(this.#store, call.streamId, call.options)) };
      case "read-all": {
        const { filter, limit, pageSize } = call;
        const options = { filter, limit, pageSize, after: this.#positionAt(call.after) };
        return { kind: "events", events: this.#see(await readLog(this.#store, options)) };
      }
      case "get": {
        const register = await this.#store.registers.get(call.key);
        const revision = register === undefined ? 0 : this.#revisionsOf(call.key).indexOf(register.revision) + 1;
        return { kind: "register", value: register?.value, revision };
      }
      case "set": {
        const revision = await this.#store.registers.set(call.key, call.value, this.#expected(call.key, call.expected));
        if (revision !== undefined) this.#revisionsOf(call.key).push(revision);
        return { kind: "written", isWritten: revision !== undefined };
      }
      case "delete": {
        const isWritten = await this.#store.registers.delete(call.key, this.#expected(call.key, call.expected));
        return { kind: "written", isWritten };
      }
      case "keys":
        return { kind: "keys", keys: (await collect(this.#store.registers.keys(call.prefix))).toSorted() };
    }
  }

  async #learnPositions(): Promise<void> {
    const after = this.#positions.at(-1) ?? "";
    this.#positions.push(...(await readLog(this.#store, { after })).map(({ position }) => position));
  }

  #positionAt(place: number): string {
    return this.#positions[place] ?? "";
  }

  #see(events: readonly RecordedEvent[]): readonly SeenEvent[] {
    return events.map(({ id, streamId, version, position, type, data, tags }) => {
      const place = this.#positions.indexOf(position);
      return { id, streamId, version, place, type, data: JSON.stringify(data), tags };
    });
  }

  #revisionsOf(key: string): number[] {
    const known = this.#revisions.get(key) ?? [];
    this.#revisions.set(key, known);
    return known;
  }

  #expected(key: string, expected: Revision): { readonly expected?: number } {
    if (expected === "unchecked") return {};
    if (expected === "never") return { expected: NEVER };
    return { expected: expected === 0 ? 0 : (this.#revisionsOf(key)[expected - 1] ?? NEVER) };
  }
}
