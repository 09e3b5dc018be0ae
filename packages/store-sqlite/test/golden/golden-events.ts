import type { NewEvent } from "@es/core";

/** When the golden file's events were recorded. */
export const GOLDEN_TIME = 1_795_000_000_000;

const id = (last: number): string => `00000000-0000-4000-8000-${String(last).padStart(12, "0")}`;

/** What the golden file holds, in order. */
export const GOLDEN_EVENTS: readonly (NewEvent & { readonly streamId: string })[] = [
  { streamId: "course-1", id: id(1), type: "CourseDefined", data: { capacity: 2 }, tags: ["course:1"] },
  { streamId: "student-ä/ö 1", id: id(2), type: "Registered", data: { name: "Zoë 🎓", nested: { list: [1, null, true, "x"] } } },
  {
    streamId: "course-1",
    id: id(3),
    type: "Subscribed",
    data: "text",
    metadata: { correlationId: "c-1", causationId: "k-1", schemaVersion: 3, tenant: "t" },
    tags: ["course:1", "student:1"],
  },
  { streamId: "plain", id: id(4), type: "Nothing", data: null },
];
