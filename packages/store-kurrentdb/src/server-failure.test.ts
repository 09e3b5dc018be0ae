import {
  AccessDeniedError,
  CancelledError,
  StreamNotFoundError,
  TimeoutError,
  UnavailableError,
  UnknownError,
  UnsupportedError,
  WrongExpectedVersionError,
} from "@kurrent/kurrentdb-client";
import { describe, expect, it } from "vitest";
import { toServerFailure } from "./server-failure.ts";
import { toStoreError } from "./store-error.ts";

function grpc(code: number, message: string): Error {
  return Object.assign(new Error(message), { code });
}

describe("errors of the client", () => {
  it.each([
    [
      "wrong version",
      new WrongExpectedVersionError(undefined, { streamName: "a-1", expected: 4n, current: 6n }),
      "conflict",
    ],
    ["access denied", new AccessDeniedError(), "denied"],
    ["unavailable", new UnavailableError(), "lost"],
    ["cancelled", new CancelledError(), "lost"],
    ["timeout of the server", new TimeoutError(), "lost"],
    ["unknown", new UnknownError(), "lost"],
    ["no such stream", new StreamNotFoundError(undefined, "a-1"), "absent"],
    ["unsupported", new UnsupportedError("x", "25.1"), "unsupported"],
    ["raw, and never sent", grpc(14, "14 UNAVAILABLE: No connection established. Last error: ..."), "not-sent"],
    ["raw, and perhaps sent", grpc(14, "14 UNAVAILABLE: Connection dropped"), "lost"],
    ["raw permission denied", grpc(7, "7 PERMISSION_DENIED"), "denied"],
    ["raw unauthenticated", grpc(16, "16 UNAUTHENTICATED"), "denied"],
    ["raw invalid argument", grpc(3, "3 INVALID_ARGUMENT"), "refused"],
    ["raw failed precondition", grpc(9, "9 FAILED_PRECONDITION: no append requests were sent"), "refused"],
    [
      "raw, and sent to no leader",
      grpc(9, "9 FAILED_PRECONDITION: The server is not the leader node and ..."),
      "not-sent",
    ],
    ["raw unimplemented", grpc(12, "12 UNIMPLEMENTED"), "unsupported"],
    ["raw aborted", grpc(10, "10 ABORTED"), "lost"],
    ["something else", new Error("?"), "lost"],
    ["no error at all", "text", "lost"],
  ])("%s means what it says about the append", (_, error, kind) => {
    expect(toServerFailure(error).kind).toBe(kind);
  });

  it("of a conflict tell the version, also where the client's text is empty", () => {
    const at6 = new WrongExpectedVersionError(undefined, { streamName: "a-1", expected: 4n, current: 6n });
    const none = new WrongExpectedVersionError(undefined, { streamName: "a-1", expected: 4n, current: "no_stream" });

    expect(toServerFailure(at6).facts).toStrictEqual({ stream: "a-1", actual: 7 });
    expect(toServerFailure(none).facts).toStrictEqual({ stream: "a-1", actual: 0 });
    expect(toServerFailure(new UnavailableError()).message).toBe("unavailable");
    expect(toServerFailure(new AccessDeniedError()).message).toBe("access denied");
  });

  it.each([
    [
      "14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ",
      "connect ECONNREFUSED 127.0.0.1:1",
    ],
    [
      "14 UNAVAILABLE: No connection established. Last error: Error: 405D:error:0A00010B:SSL routines:record_header:wrong version number:../a.c:77:\n. Resolution note: ",
      "TLS: wrong version number",
    ],
    ["14 UNAVAILABLE: Name resolution failed for target dns:a:1", "Name resolution failed for target dns:a:1"],
    ["5 NOT_FOUND: ", "5 NOT_FOUND: "],
    ["an error of ours. Its second sentence", "an error of ours. Its second sentence"],
  ])("are told in plain words: %s", (message, text) => {
    expect(toServerFailure(new Error(message)).message).toBe(text);
  });

  it("of a server that is not the leader cost no client", () => {
    const error = Object.assign(new Error("Leader info available"), { type: "not-leader", code: 5 });

    expect(toServerFailure(error)).toMatchObject({ kind: "not-leader", isClientSuspect: false });
  });

  it("become errors of the toolkit that say what to do", () => {
    expect(toStoreError(new AccessDeniedError(), "reading")).toMatchObject({ code: "ES_CONFIGURATION" });
    expect(toStoreError(new UnavailableError(), "reading")).toMatchObject({
      code: "ES_STORE_UNAVAILABLE",
      retryable: true,
    });
    expect(toStoreError(new UnsupportedError("x", "25.1"), "appending")).toMatchObject({ code: "ES_UNSUPPORTED" });
  });
});
