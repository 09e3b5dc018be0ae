export type { NatsClient, NatsStatus, NatsSubscription } from "./nats-connection.ts";
export type { NatsEventStore } from "./nats-event-store.ts";
export { openFromUrl } from "./open-from-url.ts";
export { openNatsEventStore } from "./open-nats-event-store.ts";
export type {
  NatsCommonOptions,
  NatsConnectionOptions,
  NatsEventStoreOptions,
  NatsServersOptions,
  NatsTlsOptions,
} from "./options.ts";
