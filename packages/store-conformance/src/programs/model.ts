import type { EventFilter, EventQuery, Write } from "@es/core";
import { selectFromStream } from "../select-from-stream.ts";
import type { Answer, Answerer, Call, Revision, SeenEvent } from "./call.ts";

interface ModelRegister {
  value: string | undefined;
  /** How often it was set. */
  revision: number;
}

/** The contract in its plainest form: one list of events, and nothing that could be fast or go wrong. */
export class Model implements Answerer {
  readonly events: SeenEvent[] = [];
  readonly #registers = new Map<string, ModelRegister>();

  versionOf(streamId: string): number {
    return this.#stream(streamId).length;
  }

  async log(): Promise<readonly SeenEvent[]> {
    return [...this.events];
  }

  async answer(call: Call): Promise<Answer> {
    switch (call.kind) {
      case "append":
        return this.#append(call.writes, call.condition);
      case "read-stream":
        return { kind: "events", events: selectFromStream(this.#stream(call.streamId), call.options) };
      case "read-all": {
        const found = this.events.slice(call.after).filter((event) => matches(event, call.filter));
        return { kind: "events", events: found.slice(0, call.limit) };
      }
      case "get": {
        const register = this.#registers.get(call.key);
        return { kind: "register", value: register?.value, revision: this.#current(call.key) };
      }
      case "set": {
        if (!this.#isCurrent(call.key, call.expected)) return { kind: "written", isWritten: false };
        const revision = (this.#registers.get(call.key)?.revision ?? 0) + 1;
        this.#registers.set(call.key, { value: call.value, revision });
        return { kind: "written", isWritten: true };
      }
      case "delete": {
        const isWritten = this.#current(call.key) > 0 && this.#isCurrent(call.key, call.expected);
        const register = this.#registers.get(call.key);
        if (isWritten && register !== undefined) register.value = undefined;
        return { kind: "written", isWritten };
      }
      case "keys": {
        const keys = [...this.#registers.keys()].filter((key) => key.startsWith(call.prefix) && this.#current(key) > 0);
        return { kind: "keys", keys: keys.toSorted() };
      }
    }
  }

  #stream(streamId: string): readonly SeenEvent[] {
    return this.events.filter((event) => event.streamId === streamId);
  }

  #append(writes: readonly Write[], condition: { none: EventFilter; after: number } | undefined): Answer {
    const newer = condition === undefined ? [] : this.events.slice(condition.after);
    const placesBehind = writes.map((write) => {
      const first = newer.find(({ id, streamId }) => id === write.events[0]?.id && streamId === write.streamId);
      return first === undefined ? undefined : first.version - 1;
    });
    for (const { streamId, expected } of writes) {
      const actual = this.versionOf(streamId);
      if (isMet(expected, actual)) continue;
      const places = writes.map((write, index) =>
        typeof write.expected === "number" ? write.expected : write.expected === "no-stream" ? 0 : placesBehind[index],
      );
      return this.#earlier(writes, places) ?? { kind: "conflict", streamId, expected, actual };
    }
    if (condition !== undefined && newer.some((event) => matches(event, condition.none))) {
      return this.#earlier(writes, placesBehind) ?? { kind: "condition-failed" };
    }
    const versions: number[] = [];
    for (const { streamId, events } of writes) {
      for (const { id = "", type, data, tags = [] } of events) {
        const version = this.versionOf(streamId) + 1;
        this.events.push({
          id,
          streamId,
          version,
          place: this.events.length + 1,
          type,
          data: JSON.stringify(data),
          tags,
        });
      }
      versions.push(this.versionOf(streamId));
    }
    return { kind: "appended", versions, place: this.events.length, duplicate: false };
  }

  /** The first result of these writes, if the events behind these versions are exactly theirs. */
  #earlier(writes: readonly Write[], before: readonly (number | undefined)[]): Answer | undefined {
    const versions: number[] = [];
    const places: number[] = [];
    for (const [index, { streamId, events }] of writes.entries()) {
      const start = before[index];
      if (start === undefined) return undefined;
      const stored = this.#stream(streamId).slice(start, start + events.length);
      if (stored.length < events.length || stored.some(({ id }, n) => id !== events[n]?.id)) return undefined;
      versions.push(start + events.length);
      places.push(...stored.map(({ place }) => place));
    }
    return { kind: "appended", versions, place: Math.max(...places), duplicate: true };
  }

  #current(key: string): number {
    const register = this.#registers.get(key);
    return register?.value === undefined ? 0 : register.revision;
  }

  #isCurrent(key: string, expected: Revision): boolean {
    return expected === "unchecked" || expected === this.#current(key);
  }
}

function isMet(expected: Write["expected"], actual: number): boolean {
  if (expected === "any") return true;
  if (expected === "no-stream") return actual === 0;
  if (expected === "stream-exists") return actual > 0;
  return expected === actual;
}

function matches(event: SeenEvent, filter: EventFilter): boolean {
  const queries: readonly EventQuery[] = [filter].flat();
  return queries.some(
    ({ types, categories, tags }) =>
      (types?.includes(event.type) ?? true) &&
      (categories?.includes(event.streamId.split("-", 1)[0] ?? "") ?? true) &&
      (tags?.every((tag) => event.tags.includes(tag)) ?? true),
  );
}
