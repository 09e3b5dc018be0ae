import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  type Metadata,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from "@grpc/grpc-js";
import { accessDenied, type Failure, toServiceError } from "./failures.ts";
import type { Operation } from "./misbehaviour.ts";

/** Says whether the value of the header `authorization`, undefined without it, may call the server. */
export type Authorize = (authorization: string | undefined) => boolean;

/** What a caller wants to do with a stream. */
export interface Access {
  readonly authorization: string | undefined;
  readonly operation: Operation;
  /** "$all" for all events. */
  readonly stream: string;
}

/** Says whether the caller has the right to do this: the access control lists of the server. */
export type Permit = (access: Access) => boolean;

/** The files of the certificates in `certificates`. */
export const CERTIFICATES = {
  /** Signs all the others; clients must trust it. */
  root: certificate("root.pem"),
  /** Signs none of them. */
  otherRoot: certificate("other-root.pem"),
  /** Of a user, with its key. */
  user: certificate("user.pem"),
  userKey: certificate("user-key.pem"),
} as const;

/** How a double with TLS shows and asks for certificates. */
export interface TlsOptions {
  /** Whether the server's certificate is for 127.0.0.1 and localhost, or for another host. @defaultValue "here" */
  readonly certificateFor?: "here" | "elsewhere";
  /** Whether clients need a certificate of a user. @defaultValue false */
  readonly needsUserCertificate?: boolean;
}

// Clients ask for these before they have said who they are.
const OPEN_TO_ALL = ["GetSupportedMethods", "Gossip/Read"];

/** How the server takes connections. */
export function serverCredentials(tls: boolean | TlsOptions): ServerCredentials {
  if (tls === false) return ServerCredentials.createInsecure();
  const { certificateFor = "here", needsUserCertificate = false } = tls === true ? {} : tls;
  const pair = {
    private_key: readFileSync(certificate("server-key.pem")),
    cert_chain: readFileSync(certificate(certificateFor === "here" ? "server.pem" : "elsewhere.pem")),
  };
  return ServerCredentials.createSsl(readFileSync(CERTIFICATES.root), [pair], needsUserCertificate);
}

/** The header by which a caller says who it is. */
export function authorizationOf(metadata: Metadata): string | undefined {
  const [value] = metadata.get("authorization");
  return value === undefined ? undefined : String(value);
}

/** Whether the caller wants to be served by the leader alone. */
export function needsLeader(metadata: Metadata): boolean {
  const [value] = metadata.get("requires-leader");
  return String(value).toLowerCase() === "true";
}

/** Turns away the calls of those who may not call. */
export function accessControl(authorize: Authorize): ServerInterceptor {
  return (method, call) => {
    const isOpen = OPEN_TO_ALL.some((name) => method.path.endsWith(name));
    return new ServerInterceptingCall(call, {
      start(next) {
        const listener = new ServerListenerBuilder().withOnReceiveMetadata((metadata, goOn) => {
          const authorization = authorizationOf(metadata);
          if (isOpen || authorize(authorization)) goOn(metadata);
          else call.sendStatus(toServiceError(authorization === undefined ? accessDenied() : unauthenticated()));
        });
        next(listener.build());
      },
    });
  };
}

function unauthenticated(): Failure {
  return { code: status.UNAUTHENTICATED, details: "Authentication Failed" };
}

function certificate(name: string): string {
  return fileURLToPath(new URL(`../certificates/${name}`, import.meta.url));
}
