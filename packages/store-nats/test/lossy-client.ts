import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { NatsClient } from "../src/index.ts";

/** A connection that withholds what its subscriptions receive when `drops` says so, as a route of a cluster that breaks. */
export function lossyClient(connection: NatsConnection, drops: (message: Msg) => boolean): NatsClient {
  const { info } = connection;
  return {
    ...(info === undefined ? {} : { info }),
    publish: (...args) => connection.publish(...args),
    subscribe: (subject, { callback } = {}) =>
      connection.subscribe(subject, {
        callback: (error, message) => {
          if (error !== null || !drops(message)) callback?.(error, message);
        },
      }),
    status: () => connection.status(),
    closed: async () => await connection.closed(),
    isClosed: () => connection.isClosed(),
    isDraining: () => connection.isDraining(),
    drain: async () => await connection.drain(),
    close: async () => await connection.close(),
  };
}
