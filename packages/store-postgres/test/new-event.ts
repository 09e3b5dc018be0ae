import { randomUUID } from "node:crypto";
import type { NewEvent } from "@es/core";

/** An event with an id, so that it can be told apart. */
export function newEvent(data: unknown = {}): NewEvent & { readonly id: string } {
  return { id: randomUUID(), type: "Happened", data };
}
