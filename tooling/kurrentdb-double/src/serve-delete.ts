import type { ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { authorizationOf, needsLeader } from "./access.ts";
import { type Failure, streamDeleted, toServiceError, wrongExpectedVersion } from "./failures.ts";
import type { DeleteRequest, DeleteResponse } from "./messages.ts";
import { type Backend, perform } from "./perform.ts";
import { cannotEnd } from "./serve-append.ts";
import { fromPosition, toExpectedState, toStreamName } from "./wire-values.ts";
import { softDelete, tombstone } from "./write-events.ts";

/** Serves both ways to delete a stream. A conflict is an error here, not an answer. */
export function serveDelete(
  backend: Backend,
  method: "Delete" | "Tombstone",
  call: ServerUnaryCall<DeleteRequest, DeleteResponse>,
  callback: sendUnaryData<DeleteResponse>,
): void {
  const streamName = toStreamName(call.request.options?.stream);
  const expected = toExpectedState(call.request.options);
  const fail = (failure: Failure) => callback(toServiceError(failure));
  const control = {
    operation: "delete" as const,
    streams: [streamName],
    authorization: authorizationOf(call.metadata),
    needsLeader: needsLeader(call.metadata),
    drop: () => backend.dropPeer(call.getPeer()),
    end: () => fail(cannotEnd()),
    fail,
  };
  backend.noteCall(method, control);
  const remove = method === "Delete" ? softDelete : tombstone;
  void perform(
    backend,
    control,
    () => remove(backend.log, streamName, expected),
    (result) => {
      if (result.kind === "deleted") return fail(streamDeleted(streamName));
      if (result.kind === "conflict") return fail(wrongExpectedVersion(streamName, expected, result.current));
      return callback(null, { position: fromPosition(result.position ?? 0n) });
    },
  );
}
