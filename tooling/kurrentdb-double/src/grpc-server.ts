import {
  Server,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { type Authorize, accessControl, serverCredentials, type TlsOptions } from "./access.ts";
import type {
  AppendRequest,
  AppendResponse,
  BatchAppendRequest,
  BatchAppendResponse,
  DeleteRequest,
  DeleteResponse,
} from "./messages.ts";
import type { AppendRecordsRequest, AppendRecordsResponse, SessionRequest, SessionResponse } from "./messages-v2.ts";
import type { Backend } from "./perform.ts";
import { services } from "./protocol.ts";
import { serveAppend } from "./serve-append.ts";
import { serveBatchAppend } from "./serve-batch-append.ts";
import { serveDelete } from "./serve-delete.ts";
import { serveGossip, serveSupportedMethods } from "./serve-features.ts";
import type { ReadCall } from "./read-call.ts";
import { serveRead } from "./serve-read.ts";
import { serveAppendRecords, serveAppendSession } from "./serve-streams-v2.ts";

// A real server takes appends of several MiB; the default of gRPC is 4 MiB.
const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

/** The server itself, on a port of its own that clients do not use. */
export interface GrpcServer {
  readonly port: number;
  stop(): void;
}

/** Who may call, and how. */
export interface AccessOptions {
  readonly tls?: boolean | TlsOptions;
  readonly authorize?: Authorize;
}

/** Starts to serve. */
export async function startGrpcServer(backend: Backend, access: AccessOptions): Promise<GrpcServer> {
  const { tls = false, authorize } = access;
  const server = new Server({
    "grpc.max_receive_message_length": MAX_REQUEST_BYTES,
    interceptors: authorize === undefined ? [] : [accessControl(authorize)],
  });
  server.addService(services.serverFeatures, {
    GetSupportedMethods: serveSupportedMethods.bind(undefined, backend),
  });
  server.addService(services.gossip, { Read: serveGossip.bind(undefined, backend) });
  server.addService(services.streams, {
    Read: (call: ReadCall) => serveRead(backend, call),
    Append: (call: ServerReadableStream<AppendRequest, AppendResponse>, callback: sendUnaryData<AppendResponse>) =>
      serveAppend(backend, call, callback),
    ...(backend.features.batchAppend && {
      BatchAppend: (call: ServerDuplexStream<BatchAppendRequest, BatchAppendResponse>) =>
        serveBatchAppend(backend, call),
    }),
    Delete: (call: ServerUnaryCall<DeleteRequest, DeleteResponse>, callback: sendUnaryData<DeleteResponse>) =>
      serveDelete(backend, "Delete", call, callback),
    Tombstone: (call: ServerUnaryCall<DeleteRequest, DeleteResponse>, callback: sendUnaryData<DeleteResponse>) =>
      serveDelete(backend, "Tombstone", call, callback),
  });
  server.addService(services.streamsV2, {
    ...(backend.features.multiStreamAppend && {
      AppendSession: (
        call: ServerReadableStream<SessionRequest, SessionResponse>,
        callback: sendUnaryData<SessionResponse>,
      ) => serveAppendSession(backend, call, callback),
    }),
    ...(backend.features.appendRecords && {
      AppendRecords: (
        call: ServerUnaryCall<AppendRecordsRequest, AppendRecordsResponse>,
        callback: sendUnaryData<AppendRecordsResponse>,
      ) => serveAppendRecords(backend, call, callback),
    }),
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", serverCredentials(tls), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return { port, stop: () => server.forceShutdown() };
}
