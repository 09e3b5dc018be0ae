import { type Failure, noLeader, NOT_READY, notLeader } from "./failures.ts";
import type { MisbehavingCall } from "./misbehaviour.ts";

/** Where clients reach a node. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** A node of a cluster, as far as the others know it. */
export interface Node {
  readonly endpoint: () => Endpoint;
  readonly isAlive: () => boolean;
}

/** The nodes that have one log. The first one leads until another does. */
export interface Cluster {
  readonly nodes: Set<Node>;
  leader: Node | undefined;
}

/**
 * What a node says that is not the leader. It passes on appends of the first protocol, unless the client demands the leader; those of
 * the second it never does. Subscriptions it serves itself.
 */
export function refusalOf(cluster: Cluster, node: Node, call: MisbehavingCall): Failure | undefined {
  const { operation, needsLeader } = call;
  const leader = cluster.leader?.isAlive() === true ? cluster.leader : undefined;
  if (leader === node || operation === "methods" || operation === "gossip") return undefined;
  if (needsLeader) {
    if (leader === undefined) return noLeader();
    const { host, port } = leader.endpoint();
    return notLeader(host, port);
  }
  return leader === undefined && operation !== "subscribe" && operation !== "read" ? NOT_READY : undefined;
}
