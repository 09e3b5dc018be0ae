import { status } from "@grpc/grpc-js";
import type { EventLog } from "./event-log.ts";
import type { Failure } from "./failures.ts";
import type { AllSourceMessage } from "./messages.ts";

/** Whether a position lies inside of the log without being that of an entry, as one of another log mostly does. */
export function isNoPlace({ events }: EventLog, source: AllSourceMessage | undefined): boolean {
  if (source?.from !== "position") return false;
  const position = BigInt(source.position?.commit ?? "0");
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((events[middle]?.position ?? 0n) < position) low = middle + 1;
    else high = middle;
  }
  return low < events.length && events[low]?.position !== position;
}

/** What a read says then. The client makes it an answer like that of a server that is away. */
export function readOfNoPlace(): Failure {
  const details = "Unexpected FilteredReadAllResult: InvalidPosition >> Log record has non-positive length";
  return { code: status.UNKNOWN, details };
}

/** What a subscription says then, once it is confirmed. */
export function subscriptionToNoPlace(): Failure {
  return { code: status.INVALID_ARGUMENT, details: "Trying to read from an invalid position." };
}
