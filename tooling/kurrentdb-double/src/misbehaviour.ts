import { setTimeout as sleep } from "node:timers/promises";
import { accessDenied, type Failure, NOT_READY, notLeader, TIMED_OUT } from "./failures.ts";

/** What a client can ask for, the variants of a call taken together. */
export type Operation = "append" | "read" | "subscribe" | "delete" | "methods" | "gossip";

/** What goes wrong. */
export type Manner =
  /** No answer, until `release`. */
  | { readonly how: "stall" }
  /** The answer comes late. */
  | { readonly how: "slow"; readonly delayMs: number }
  /** The client's connection breaks, with all calls on it. */
  | { readonly how: "drop" }
  /** The call ends as if all were said: no answer, no error. Streaming calls only. */
  | { readonly how: "end" }
  /** Any status of gRPC. An append in a batch fails with all others of its connection. */
  | ({ readonly how: "fail" } & Failure)
  | { readonly how: "deny" }
  | { readonly how: "not-ready" }
  /** The server says that it took too long. */
  | { readonly how: "timeout" }
  | { readonly how: "wrong-leader"; readonly host: string; readonly port: number };

/** Which calls go wrong, when, and how. */
export type Misbehaviour = Manner & {
  readonly on: Operation | readonly Operation[];
  /** Before the work is done, or after it and instead of its answer. Defaults to "before". */
  readonly moment?: "before" | "after";
  /** Only calls about this stream. */
  readonly stream?: string;
  /** Calls let through first. Defaults to 0. */
  readonly skip?: number;
  /** Calls that go wrong before all is well again. Defaults to all. */
  readonly times?: number;
  /**
   * For reads and subscriptions: events that are sent first, in place of `moment`. It goes wrong when the next event is due, and
   * with a read also at the end; a subscription that has caught up after exactly so many waits for the next one.
   */
  readonly afterEvents?: number;
};

/** One misbehaviour that was asked for. */
export interface Fault {
  /** Calls that have gone wrong. */
  readonly hits: number;
  /** Resolves when the first call goes wrong. */
  readonly hit: Promise<void>;
  /** Lets calls that are stalled go on, and ends the misbehaviour. */
  release(): void;
  /** Ends the misbehaviour for calls to come; calls that are stalled stay so. */
  stop(): void;
}

/** A call of a client, as far as misbehaviour needs to know it. */
export interface MisbehavingCall {
  readonly operation: Operation;
  /** None for all events. */
  readonly streams: readonly string[];
  readonly authorization: string | undefined;
  /** Whether only the leader may serve it. */
  readonly needsLeader: boolean;
  drop(): void;
  end(): void;
  fail(failure: Failure): void;
}

/** Says whether the call goes on, once it does. */
export type Interference = Promise<boolean>;

/** The misbehaviours that are switched on. */
export interface Faults {
  add(misbehaviour: Misbehaviour): Fault;
  clear(): void;
  /** What happens to this call now; undefined when nothing does. */
  meet(call: MisbehavingCall, moment: "before" | "after"): Interference | undefined;
  /** The same for a call that has sent so many events. */
  meetAfterEvents(call: MisbehavingCall, sent: number): Interference | undefined;
}

interface ActiveFault {
  readonly misbehaviour: Misbehaviour;
  met: number;
  hits: number;
  readonly onHit: () => void;
  readonly released: Promise<void>;
  readonly release: () => void;
}

/** Starts without any misbehaviour. */
export function createFaults(): Faults {
  const active = new Set<ActiveFault>();

  function take(call: MisbehavingCall, isNow: (m: Misbehaviour) => boolean): Interference | undefined {
    for (const fault of active) {
      if (!concerns(fault.misbehaviour, call) || !isNow(fault.misbehaviour)) continue;
      fault.met += 1;
      if (fault.met <= (fault.misbehaviour.skip ?? 0)) continue;
      fault.hits += 1;
      if (fault.hits >= (fault.misbehaviour.times ?? Number.POSITIVE_INFINITY)) active.delete(fault);
      const goesOn = misbehave(fault, call);
      fault.onHit();
      return goesOn;
    }
    return undefined;
  }

  return {
    add(misbehaviour) {
      const { fault, handle } = activate(misbehaviour, (ended) => active.delete(ended));
      active.add(fault);
      return handle;
    },
    clear: () => active.clear(),
    meet: (call, moment) => take(call, (m) => m.afterEvents === undefined && (m.moment ?? "before") === moment),
    meetAfterEvents: (call, sent) => take(call, (m) => m.afterEvents === sent),
  };
}

function activate(misbehaviour: Misbehaviour, end: (fault: ActiveFault) => void) {
  const hit = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const fault: ActiveFault = {
    misbehaviour,
    met: 0,
    hits: 0,
    onHit: hit.resolve,
    released: released.promise,
    release: released.resolve,
  };
  const handle: Fault = {
    get hits() {
      return fault.hits;
    },
    hit: hit.promise,
    release() {
      end(fault);
      fault.release();
    },
    stop: () => end(fault),
  };
  return { fault, handle };
}

function concerns({ on, stream }: Misbehaviour, call: MisbehavingCall): boolean {
  const operations = typeof on === "string" ? [on] : on;
  return operations.includes(call.operation) && (stream === undefined || call.streams.includes(stream));
}

async function misbehave({ misbehaviour, released }: ActiveFault, call: MisbehavingCall): Interference {
  switch (misbehaviour.how) {
    case "stall":
      await released;
      return true;
    case "slow":
      await sleep(misbehaviour.delayMs);
      return true;
    case "drop":
      call.drop();
      return false;
    case "end":
      call.end();
      return false;
    case "fail":
      call.fail(misbehaviour);
      return false;
    case "deny":
      call.fail(accessDenied());
      return false;
    case "not-ready":
      call.fail(NOT_READY);
      return false;
    case "timeout":
      call.fail(TIMED_OUT);
      return false;
    case "wrong-leader":
      call.fail(notLeader(misbehaviour.host, misbehaviour.port));
      return false;
  }
}
