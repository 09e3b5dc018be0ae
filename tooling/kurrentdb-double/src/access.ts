import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from "@grpc/grpc-js";
import { accessDenied, type Failure, toServiceError } from "./failures.ts";

/** Says whether the value of the header `authorization`, undefined without it, may call the server. */
export type Authorize = (authorization: string | undefined) => boolean;

/** The root certificate that clients must trust. The server's own is for 127.0.0.1 and localhost. */
export const ROOT_CERTIFICATE_FILE: string = certificate("root.pem");

// Clients ask for these before they have said who they are.
const OPEN_TO_ALL = ["GetSupportedMethods", "Gossip/Read"];

/** How the server takes connections. */
export function serverCredentials(tls: boolean): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  const pair = {
    private_key: readFileSync(certificate("server-key.pem")),
    cert_chain: readFileSync(certificate("server.pem")),
  };
  return ServerCredentials.createSsl(null, [pair]);
}

/** Turns away the calls of those who may not call. */
export function accessControl(authorize: Authorize): ServerInterceptor {
  return (method, call) => {
    const isOpen = OPEN_TO_ALL.some((name) => method.path.endsWith(name));
    return new ServerInterceptingCall(call, {
      start(next) {
        const listener = new ServerListenerBuilder().withOnReceiveMetadata((metadata, goOn) => {
          const [value] = metadata.get("authorization");
          const authorization = value === undefined ? undefined : String(value);
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
