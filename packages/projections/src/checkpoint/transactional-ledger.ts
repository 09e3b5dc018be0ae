import { isEventSourcingError } from "@es/core";
import type { Delivery } from "../definition/delivery.ts";
import type { Progress, Projection } from "../definition/projection.ts";
import { isTransient } from "../runner/retry.ts";
import type { CheckpointedSink } from "../sinks/sink.ts";
import type { CheckpointRegister } from "./checkpoint-register.ts";
import { assertNotStopped, HandlerFailure, type Ledger } from "./ledger.ts";

/** Lets handlers run in the transaction that also moves the checkpoint: both are stored, or neither is. */
export function transactionalLedger(
  projection: Projection<Delivery>,
  sink: CheckpointedSink<unknown>,
  register: CheckpointRegister<unknown>,
): Ledger {
  return {
    load: (signal) => register.load(signal),
    replayMark: (signal) => register.replayMark(signal),
    startNow: (store, signal) => register.startNow(store, signal),
    // The transaction sees to that.
    assertHeld: async () => undefined,

    async commit({ events, checkpoint, context }) {
      let failure: HandlerFailure | undefined;
      const work = async (tx: unknown): Promise<number> => {
        const stored = await register.find(checkpoint, { tx });
        if (stored !== undefined) return stored;
        const progress: Progress = { handled: 0 };
        try {
          await projection.apply(events, { ...context, tx }, progress);
        } catch (error) {
          assertNotStopped(context.signal);
          failure = new HandlerFailure({ handled: 0, failedAt: progress.handled }, error);
          throw error;
        }
        assertNotStopped(context.signal);
        return register.write(checkpoint, { tx });
      };
      try {
        register.accept(
          await (events.length === 0 ? register.write(checkpoint, undefined) : sink.transaction((tx) => work(tx))),
        );
      } catch (error) {
        // A sink that says something else than the handler knows that it was the database which failed and may come back, or that the
        // handler has ended the transaction. Neither is to be tried event by event.
        if (failure !== undefined) {
          const isOfSink =
            error !== failure.cause && (isTransient(error) || isEventSourcingError(error, "ES_CONFIGURATION"));
          throw isOfSink ? error : failure;
        }
        // The answer to a commit may be lost, of this one or of the attempt before it.
        if (await register.settle(checkpoint)) return;
        throw error;
      }
    },
  };
}
