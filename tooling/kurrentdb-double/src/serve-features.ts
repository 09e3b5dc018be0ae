import type { ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { authorizationOf, needsLeader } from "./access.ts";
import { type Failure, toServiceError } from "./failures.ts";
import type { Operation } from "./misbehaviour.ts";
import { type Backend, perform } from "./perform.ts";
import { cannotEnd } from "./serve-append.ts";

const STREAMS = "event_store.client.streams.streams";
const STREAMS_V2 = "kurrentdb.protocol.v2.streams.streamsservice";

interface SupportedMethods {
  readonly methods: readonly { readonly method: string; readonly service: string; readonly features: string[] }[];
  readonly server_version: string;
}

interface Cluster {
  readonly members: readonly {
    readonly id: { readonly text: string };
    readonly timestamp: string;
    readonly state: number;
    readonly is_alive: boolean;
    readonly endpoint: { readonly address: string; readonly port: number };
  }[];
}

const FOLLOWER = 6;
const LEADER = 8;

/** Says what the server can do: the client chooses its way to append by it. */
export function serveSupportedMethods(
  backend: Backend,
  call: ServerUnaryCall<object, SupportedMethods>,
  callback: sendUnaryData<SupportedMethods>,
): void {
  const { features } = backend;
  const supported: [boolean, string, string][] = [
    [true, "append", STREAMS],
    [true, "read", STREAMS],
    [features.batchAppend, "batchappend", STREAMS],
    [features.multiStreamAppend, "appendsession", STREAMS_V2],
    [features.appendRecords, "appendrecords", STREAMS_V2],
  ];
  const methods = supported
    .filter(([isSupported]) => isSupported)
    .map(([, method, service]) => ({ method, service, features: [] }));
  answerUnary(backend, call, callback, "GetSupportedMethods", "methods", () => ({
    methods,
    server_version: features.serverVersion,
  }));
}

/** Says which servers there are, and which one leads. */
export function serveGossip(
  backend: Backend,
  call: ServerUnaryCall<object, Cluster>,
  callback: sendUnaryData<Cluster>,
): void {
  answerUnary(backend, call, callback, "Gossip", "gossip", () => {
    const timestamp = String(BigInt(backend.now()) * 10_000n);
    const { nodes, leader } = backend.cluster;
    const members = [...nodes].map((node, index) => {
      const { host, port } = node.endpoint();
      const id = { text: `b5b3c0c2-3f0e-4a57-9d57-6a1f3d0c7a1${index}` };
      const state = node === leader ? LEADER : FOLLOWER;
      return { id, timestamp, state, is_alive: node.isAlive(), endpoint: { address: host, port } };
    });
    return { members };
  });
}

function answerUnary<Response>(
  backend: Backend,
  call: ServerUnaryCall<object, Response>,
  callback: sendUnaryData<Response>,
  method: string,
  operation: Operation,
  work: () => Response,
): void {
  const fail = (failure: Failure) => callback(toServiceError(failure));
  const control = {
    operation,
    streams: [],
    authorization: authorizationOf(call.metadata),
    needsLeader: needsLeader(call.metadata),
    drop: () => backend.dropPeer(call.getPeer()),
    end: () => fail(cannotEnd()),
    fail,
  };
  backend.noteCall(method, control);
  void perform(backend, control, work, (response) => callback(null, response));
}
