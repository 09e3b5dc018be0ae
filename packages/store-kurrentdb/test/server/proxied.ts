import { startTcpProxy, type TcpProxy } from "test-servers";
import type { KurrentDbEventStoreOptions } from "../../src/index.ts";
import { newName, type ServerUnderTest } from "./under-test.ts";

/** A server behind a proxy that breaks connections. */
export interface Proxied extends AsyncDisposable {
  readonly proxy: TcpProxy;
  /** Of a store that is reached through the proxy, under a name that no other test has. */
  readonly options: KurrentDbEventStoreOptions;
  /** Of the same store, reached without the proxy. */
  readonly direct: KurrentDbEventStoreOptions;
}

const ONE_SERVER = /^([a-z]+:\/\/(?:[^@/]*@)?)([A-Za-z0-9_.-]+)(?::(\d+))?(\/*(?:\?.*)?)$/;

/** Puts a proxy in front of a server. */
export async function startProxied({ connectionString }: ServerUnderTest): Promise<Proxied> {
  const [, start, host, port = "2113", rest = ""] = ONE_SERVER.exec(connectionString) ?? [];
  if (start === undefined || host === undefined) {
    throw new Error(
      "tests of broken connections put a proxy in front of one server: KURRENTDB_URL must name one host, without +discover",
    );
  }
  const proxy = await startTcpProxy({ host, port: Number(port) });
  const name = newName();
  // The certificate of the server is not for the host of the proxy.
  const unverified = `${rest.includes("?") ? `${rest}&` : "?"}tlsVerifyCert=false`;
  const query = /[?&]tls(?:VerifyCert)?=false/i.test(rest) ? rest : unverified;
  return {
    proxy,
    options: { connectionString: `${start}127.0.0.1:${proxy.port}${query}`, name },
    direct: { connectionString, name, timeoutMs: 15_000 },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}
