import { ConfigurationError, type EventSourcingError, StoreUnavailableError } from "@es/core";
import type { ConnectionString } from "./connection-string.ts";
import { messageOf } from "./store-error.ts";

/** What OpenSSL says, by way of Node and gRPC, and what to do about it. The first that fits. */
const TLS_PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [
    /wrong version number|packet length too long/i,
    "the server there has no TLS: add tls=false to the connection string",
  ],
  [/altname|does not match certificate/i, "connect by a name or address that the server's certificate is for"],
  [
    /certificate required|alert/i,
    "the server asks for the certificate of a user that it accepts: give its file as userCertFile, and its key as userKeyFile",
  ],
  [
    /certificate|self.signed|issuer/i,
    "give the certificate of the authority that signed the server's, by the option rootCertificates, tlsCaFile in the connection string, or the environment variable KURRENTDB_ROOT_CERTIFICATES",
  ],
];

/** Why no server could be reached when the store was opened, and what to look at. Wrong certificates do not mend with time. */
export function whyUnreachable(
  failure: StoreUnavailableError,
  { hosts, parameters }: ConnectionString,
): EventSourcingError {
  const cause = failure.cause ?? failure;
  const [detail = ""] = messageOf(cause).split(/\n|\. Resolution note/);
  const where = hosts.join(", ");
  const isEncrypted = parameters.get("tls") !== "false";
  const [, advice] = (isEncrypted && TLS_PROBLEMS.find(([text]) => text.test(detail))) || [];
  if (advice !== undefined) {
    return new ConfigurationError(
      `the connection to the KurrentDB server at ${where} cannot be secured: ${detail}; ${advice}`,
      { cause },
    );
  }
  return new StoreUnavailableError(
    `no KurrentDB server answers at ${where} (${detail}); look whether it runs there, and whether it ${
      isEncrypted
        ? "has TLS, with a certificate that the option rootCertificates (or tlsCaFile) vouches for; without TLS add tls=false"
        : "has no TLS; with TLS leave tls=false out"
    }`,
    { cause },
  );
}
