import type { Register, Registers } from "@es/core";
import { assertRegisterKey, assertRegisterWrite } from "@es/core/adapter";

type Call = { readonly signal?: AbortSignal; readonly tx?: unknown };

/** Registers in a map. `assertUsable` refuses a call on a closed store, an aborted one, and one with a transaction. */
export function createMemoryRegisters(assertUsable: (call: Call | undefined) => void): Registers<never> {
  const registers = new Map<string, Register>();
  // One count over all keys: so a key that was deleted can come back without repeating a revision, and leaves nothing behind.
  let newestRevision = 0;

  const isCurrent = (key: string, expected: number | undefined): boolean =>
    expected === undefined || (registers.get(key)?.revision ?? 0) === expected;

  return {
    async get(key, call) {
      assertUsable(call);
      assertRegisterKey(key);
      const register = registers.get(key);
      return register === undefined ? undefined : { ...register };
    },

    async set(key, value, call) {
      assertUsable(call);
      assertRegisterWrite(key, value, call?.expected);
      if (!isCurrent(key, call?.expected)) return undefined;
      newestRevision += 1;
      registers.set(key, { value, revision: newestRevision });
      return newestRevision;
    },

    async delete(key, call) {
      assertUsable(call);
      assertRegisterWrite(key, undefined, call?.expected);
      return isCurrent(key, call?.expected) && registers.delete(key);
    },

    async *keys(prefix, call) {
      assertUsable(call);
      // A list of its own, so that the caller may write registers while it iterates.
      const found = [...registers.keys()].filter((key) => key.startsWith(prefix));
      for (const key of found) {
        assertUsable(call);
        yield key;
      }
    },
  };
}
