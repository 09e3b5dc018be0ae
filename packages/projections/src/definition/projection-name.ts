import { ConfigurationError } from "@es/core";
import { assertRegisterKey } from "@es/core/adapter";

/** Longest name: the keys of its registers hold a stream id as well. */
const MAX_BYTES = 50;

/** @throws ConfigurationError when registers could not be named after it */
export function assertProjectionName(name: string): void {
  if (typeof name !== "string" || name === "") {
    throw new ConfigurationError(
      `${typeof name === "string" ? '""' : String(name)} is no name of a projection; give a text that says what it keeps, and never change it`,
    );
  }
  assertRegisterKey(name);
  if (name.includes(":")) {
    throw new ConfigurationError(
      `the projection name ${JSON.stringify(name)} contains ":", which separates the parts of register keys`,
    );
  }
  if (new TextEncoder().encode(name).length > MAX_BYTES) {
    throw new ConfigurationError(`the projection name ${JSON.stringify(name)} is longer than ${MAX_BYTES} bytes`);
  }
}
