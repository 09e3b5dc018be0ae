import type { Write } from "@es/core";

/** What the golden files hold, in the order of the log. */
export const GOLDEN_WRITES: readonly Write[] = [
  {
    streamId: "user-42",
    expected: 0,
    events: [
      {
        id: "00000000-0000-4000-8000-000000000001",
        type: "UserSignedUp",
        data: { name: "Ada \u0000 \"quoted\" 'single' ünï 😀", list: [1, 2.5, null, true, {}] },
        metadata: { correlationId: "c-1", schemaVersion: 2 },
        tags: ["user:42", 'odd "tag", {really}'],
      },
      { id: "00000000-0000-4000-8000-000000000002", type: "UserRenamed", data: "Grace" },
    ],
  },
  {
    streamId: "ünï codé-1",
    expected: "no-stream",
    events: [{ id: "00000000-0000-4000-8000-000000000003", type: "Noted", data: null, tags: ["user:42"] }],
  },
];
