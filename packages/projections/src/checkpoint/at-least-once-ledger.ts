import { isEventSourcingError } from "@es/core";
import type { Delivery } from "../definition/delivery.ts";
import type { Progress, Projection } from "../definition/projection.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { CheckpointRegister } from "./checkpoint-register.ts";
import { assertNotStopped, HandlerFailure, type Ledger, type Work } from "./ledger.ts";

/** Lets handlers run and stores the checkpoint behind them. What happens between the two happens again. */
export function atLeastOnceLedger(projection: Projection<Delivery>, register: CheckpointRegister<unknown>): Ledger {
  /** A checkpoint whose events have taken effect although it could not be stored yet. Its handlers must not run again. */
  let owed: Checkpoint | undefined;
  /** What told handlers that another runner has taken over: no failure of theirs. */
  let overtaken: { readonly error: unknown } | undefined;

  async function store(checkpoint: Checkpoint): Promise<void> {
    try {
      register.accept(await register.write(checkpoint, undefined));
    } catch (error) {
      // An answer that was lost makes a repeated write look like a conflict with oneself.
      const mayBeStored =
        isEventSourcingError(error) && (error.code === "ES_CHECKPOINT_CONFLICT" || error.code === "ES_UNKNOWN_OUTCOME");
      if (!mayBeStored || !(await register.settle(checkpoint))) throw error;
    }
  }

  async function handle({ events, checkpoint, context }: Work): Promise<void> {
    const progress: Progress = { handled: 0 };
    try {
      await projection.apply(events, context, progress);
    } catch (error) {
      assertNotStopped(context.signal);
      if (overtaken !== undefined && overtaken.error === error) throw error;
      throw new HandlerFailure({ handled: progress.handled, failedAt: progress.handled }, error);
    }
    assertNotStopped(context.signal);
    owed = checkpoint;
  }

  return {
    handle,
    load: (signal) => register.load(signal),
    replayMark: (signal) => register.replayMark(signal),
    startNow: (store, signal) => register.startNow(store, signal),

    async assertHeld() {
      await register.assertHeld().catch((error: unknown) => {
        overtaken = { error };
        throw error;
      });
    },

    async commit(work: Work) {
      const { events, checkpoint } = work;
      if (events.length > 0 && owed !== checkpoint) {
        if (await register.settle(checkpoint)) return;
        await handle(work);
      }
      await store(checkpoint);
      owed = undefined;
    },
  };
}
