/**
 * What the writer believes about the stream: its exact version (0: it has no events), or one of three named states.
 * Every store enforces all four. A retry is recognised for a number and for `"no-stream"`, which name one place in the
 * stream; `"any"` and `"stream-exists"` name none, so a repeated append is a new append.
 */
export type ExpectedVersion = number | "any" | "no-stream" | "stream-exists";
