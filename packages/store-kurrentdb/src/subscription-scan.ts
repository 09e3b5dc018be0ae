import { setImmediate as nextTurn } from "node:timers/promises";
import type { Progress } from "./client-holder.ts";
import type { ClientSubscription, IncomingEvent, KurrentClient, ServerFilter } from "./kurrent-client.ts";
import type { Stretch } from "./log-scanner.ts";
import { SCAN_MS } from "./limits.ts";
import type { LogPosition } from "./positions.ts";
import { ServerFailure } from "./server-failure.ts";

/** What to look for, and from where. */
export interface Scan {
  readonly from: LogPosition | "start";
  readonly filter: ServerFilter;
  readonly count: number;
}

/** A stretch of the log by a subscription that is ended once there are enough events, after a time, or at the end of the log. */
export async function scanBySubscription(
  client: KurrentClient,
  { from, filter, count }: Scan,
  progress: Progress,
): Promise<Stretch> {
  const done = Promise.withResolvers<Stretch>();
  const events: IncomingEvent[] = [];
  const begun = performance.now();
  let reached: LogPosition | undefined;

  const checkpointReached = async (_: unknown, position: LogPosition): Promise<void> => {
    progress();
    // What came before the checkpoint must be counted before it.
    await untilGivenOut(subscription);
    reached = position;
    if (performance.now() - begun > SCAN_MS)
      done.resolve({ events: [...events], isContinued: false, reached, isEnd: false });
  };
  const subscription: ClientSubscription = client.subscribeToAll({
    fromPosition: from,
    filter: { ...filter, checkpointReached },
  });
  subscription.on("data", ({ event }) => {
    progress();
    if (event === undefined || events.length >= count) return;
    events.push(event);
    if (events.length === count)
      done.resolve({ events: [...events], isContinued: false, reached: undefined, isEnd: false });
  });
  subscription.on("caughtUp", () => {
    void untilGivenOut(subscription).then(() =>
      done.resolve({ events: [...events], isContinued: false, reached, isEnd: true }),
    );
  });
  subscription.on("error", (error) => done.reject(error));
  subscription.on("end", () => done.reject(endedByServer()));
  try {
    return await done.promise;
  } finally {
    subscription.unsubscribe().catch(() => undefined);
  }
}

/** The first event of a subscription, or `undefined` when it has caught up without any. The subscription is ended. */
export async function firstOfSubscription(
  subscription: ClientSubscription,
  progress: Progress,
): Promise<IncomingEvent | undefined> {
  const done = Promise.withResolvers<IncomingEvent | undefined>();
  subscription.on("data", ({ event }) => {
    progress();
    if (event !== undefined) done.resolve(event);
  });
  subscription.on("caughtUp", () => void untilGivenOut(subscription).then(() => done.resolve(undefined)));
  subscription.on("error", (error) => done.reject(error));
  subscription.on("end", () => done.reject(endedByServer()));
  try {
    return await done.promise;
  } finally {
    subscription.unsubscribe().catch(() => undefined);
  }
}

function endedByServer(): ServerFailure {
  return new ServerFailure("lost", "the server ended the subscription");
}

async function untilGivenOut(subscription: ClientSubscription): Promise<void> {
  do await nextTurn();
  while (subscription.readableLength > 0);
}
