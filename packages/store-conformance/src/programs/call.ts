import type { EventFilter, ReadStreamOptions, Write } from "@es/core";

/**
 * A call that means the same on any store: places in the log and revisions of registers are counted from the start of the
 * program instead of named as one store names them.
 */
export type Call =
  | {
      readonly kind: "append";
      readonly writes: readonly Write[];
      readonly condition: { readonly none: EventFilter; readonly after: number } | undefined;
    }
  | { readonly kind: "read-stream"; readonly streamId: string; readonly options: ReadStreamOptions }
  | {
      readonly kind: "read-all";
      readonly filter: EventFilter;
      readonly after: number;
      readonly limit: number;
      readonly pageSize: number;
    }
  | { readonly kind: "get"; readonly key: string }
  | { readonly kind: "set"; readonly key: string; readonly value: string; readonly expected: Revision }
  | { readonly kind: "delete"; readonly key: string; readonly expected: Revision }
  | { readonly kind: "keys"; readonly prefix: string };

/** The n-th revision that setting this key has given, 0 for absent, one that never was, or not checked. */
export type Revision = number | "never" | "unchecked";

/** An event without what each store chooses itself. `place` counts from the start of the program. */
export interface SeenEvent {
  readonly id: string;
  readonly streamId: string;
  readonly version: number;
  readonly place: number;
  readonly type: string;
  readonly data: string;
  readonly tags: readonly string[];
}

/** What a call came to. */
export type Answer =
  | {
      readonly kind: "appended";
      readonly versions: readonly number[];
      readonly place: number;
      readonly duplicate: boolean;
    }
  | {
      readonly kind: "conflict";
      readonly streamId: string;
      readonly expected: Write["expected"];
      readonly actual: number;
    }
  | { readonly kind: "condition-failed" }
  | { readonly kind: "events"; readonly events: readonly SeenEvent[] }
  | { readonly kind: "register"; readonly value: string | undefined; readonly revision: number }
  | { readonly kind: "written"; readonly isWritten: boolean }
  | { readonly kind: "keys"; readonly keys: readonly string[] }
  | { readonly kind: "failed"; readonly error: string };

/** Something that answers calls: a store, or the model. */
export interface Answerer {
  answer(call: Call): Promise<Answer>;
  /** Every event of the program, in the order of the log. */
  log(): Promise<readonly SeenEvent[]>;
}
