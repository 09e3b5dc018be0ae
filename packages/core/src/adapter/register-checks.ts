import { ConfigurationError } from "../errors/configuration-error.ts";
import { MAX_KEY_BYTES, textProblem } from "../store/text-limits.ts";

/**
 * Checks a write to a register before anything is written.
 * @throws ConfigurationError when the key, the value or the expected revision breaks the rules of registers
 */
export function assertRegisterWrite(key: string, value: string | undefined, expected: number | undefined): void {
  assertRegisterKey(key);
  if (value !== undefined && (typeof value !== "string" || !value.isWellFormed())) {
    throw new ConfigurationError(
      `the value of register ${JSON.stringify(key)} is not well-formed text; store JSON or base64`,
    );
  }
  if (expected !== undefined && (!Number.isSafeInteger(expected) || expected < 0)) {
    throw new ConfigurationError(
      `register ${JSON.stringify(key)}: expected revision ${String(expected)} is not a whole number from 0`,
    );
  }
}

/**
 * Checks the key of a register.
 * @throws ConfigurationError when the key breaks the rules of registers
 */
export function assertRegisterKey(key: string): void {
  const problem = textProblem(key, MAX_KEY_BYTES);
  if (problem !== undefined) throw new ConfigurationError(`register key ${JSON.stringify(key)} ${problem}`);
}
