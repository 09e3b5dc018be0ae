import type { Schema } from "@es/core";

/** Any value. The suite needs no validator of its own. */
export const anything: Schema<unknown, unknown> = {
  "~standard": { version: 1, vendor: "es", validate: (value) => ({ value }) },
};
