import type { KurrentDBClient } from "@kurrent/kurrentdb-client";
import { expectTypeOf, it } from "vitest";
import type { KurrentClient } from "./kurrent-client.ts";

it("the client of the package is what the store uses", () => {
  expectTypeOf<KurrentDBClient>().toExtend<KurrentClient>();
});
