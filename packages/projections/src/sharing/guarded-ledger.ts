import type { Ledger } from "../checkpoint/ledger.ts";
import { LeaseLostError } from "../errors/errors.ts";
import type { Lease } from "./lease.ts";

/** A ledger that begins nothing when the lease may be somebody else's. What has begun is fenced by the checkpoint. */
export function guardedLedger(ledger: Ledger, lease: Lease, key: string): Ledger {
  const { handle } = ledger;
  const assertHeld = (): void => {
    if (!lease.isHeld) throw new LeaseLostError(key, lease.token);
  };
  return {
    load: (signal) => ledger.load(signal),
    replayMark: (signal) => ledger.replayMark(signal),
    startNow: (store, signal) => ledger.startNow(store, signal),
    assertHeld: () => ledger.assertHeld(),
    async commit(work) {
      assertHeld();
      await ledger.commit(work);
    },
    ...(handle === undefined
      ? {}
      : {
          async handle(work) {
            assertHeld();
            await handle(work);
          },
        }),
  };
}
