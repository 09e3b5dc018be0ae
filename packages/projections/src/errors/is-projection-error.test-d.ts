import { expectTypeOf, it } from "vitest";
import type { HandlerFailedError } from "./errors.ts";
import { isProjectionError, type ProjectionError } from "./is-projection-error.ts";

it("tells the class of an error by its code", () => {
  const error: unknown = new Error();
  if (isProjectionError(error, "ES_HANDLER_FAILED")) expectTypeOf(error).toEqualTypeOf<HandlerFailedError>();
  if (isProjectionError(error)) expectTypeOf(error).toEqualTypeOf<ProjectionError>();
  // @ts-expect-error no such code
  isProjectionError(error, "ES_HANDLER_FAILD");
});
