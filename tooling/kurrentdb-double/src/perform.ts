import { status } from "@grpc/grpc-js";
import type { Permit } from "./access.ts";
import { type Cluster, type Node, refusalOf } from "./cluster.ts";
import type { EventLog } from "./event-log.ts";
import { accessDenied } from "./failures.ts";
import type { Faults, MisbehavingCall } from "./misbehaviour.ts";
import type { SizeLimits } from "./size-limit.ts";

/** What the server can do, by its version and by what a test switched off. */
export interface Features {
  readonly serverVersion: string;
  readonly batchAppend: boolean;
  readonly multiStreamAppend: boolean;
  readonly appendRecords: boolean;
  /** Whether "caught up" says where. */
  readonly progress: boolean;
  /**
   * Whether an append to several streams that repeats an earlier one as to some of them is a conflict, and one that repeats it as
   * to all that it writes succeeds whatever it only checks. Earlier servers fail over both.
   */
  readonly isAtLeast26_2: boolean;
}

/** What all handlers of calls share. */
export interface Backend {
  readonly log: EventLog;
  readonly faults: Faults;
  readonly features: Features;
  readonly now: () => number;
  readonly permit: Permit;
  readonly cluster: Cluster;
  /** This one of the cluster. */
  readonly node: Node;
  /** How many events of the log this node has: a follower may lag behind. */
  readonly received: () => number;
  readonly sizeLimits: () => SizeLimits;
  /** Breaks the connection on which a call came. */
  dropPeer(peer: string): void;
  noteCall(method: string, call: MisbehavingCall): void;
  /** Counts entries of the log that were looked at for a read or a subscription. */
  readonly noteLooks: (count: number) => void;
  noteSubscription(streamName: string | undefined): () => void;
}

/** Does the work of one call and answers it, unless misbehaviour comes between. Without any it is done in this tick. */
export async function perform<Result>(
  backend: Backend,
  call: MisbehavingCall,
  work: () => Result,
  answer: (result: Result) => void,
): Promise<void> {
  try {
    if (!isPermitted(backend, call)) return call.fail(accessDenied());
    const refusal = refusalOf(backend.cluster, backend.node, call);
    if (refusal !== undefined) return call.fail(refusal);
    const before = backend.faults.meet(call, "before");
    if (before !== undefined && !(await before)) return;
    const result = work();
    const after = backend.faults.meet(call, "after");
    if (after !== undefined && !(await after)) return;
    answer(result);
  } catch (error) {
    call.fail({ code: status.INTERNAL, details: `the double has a bug: ${String(error)}` });
  }
}

function isPermitted({ permit }: Backend, { operation, streams, authorization }: MisbehavingCall): boolean {
  if (operation === "methods" || operation === "gossip") return true;
  const named = streams.length === 0 ? ["$all"] : streams;
  return named.every((stream) => permit({ authorization, operation, stream }));
}
