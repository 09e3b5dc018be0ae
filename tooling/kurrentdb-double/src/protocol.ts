import { fileURLToPath } from "node:url";
import { type AnyDefinition, loadSync, type MessageTypeDefinition, type ServiceDefinition } from "@grpc/proto-loader";

const FILES = ["streams-v1", "streams-v2", "server-features", "gossip"];

const definitions = loadSync(
  FILES.map((file) => fileURLToPath(new URL(`../proto/${file}.proto`, import.meta.url))),
  { keepCase: true, longs: String, arrays: true, objects: true, oneofs: true },
);

/** The services of the server, by the part of their name that tells them apart. */
export const services = {
  streams: service("event_store.client.streams.Streams"),
  streamsV2: service("kurrentdb.protocol.v2.streams.StreamsService"),
  serverFeatures: service("event_store.client.server_features.ServerFeatures"),
  gossip: service("event_store.client.gossip.Gossip"),
};

/** Encodes a message of proto/streams-v1.proto that travels inside of another. */
export function encodeV1(name: string, message: object): Buffer {
  return messageType(`event_store.client.streams.${name}`).serialize(message);
}

/** Encodes a message of proto/streams-v2.proto that travels inside of another. */
export function encodeV2(name: string, message: object): Buffer {
  return messageType(`kurrentdb.protocol.v2.streams.${name}`).serialize(message);
}

function service(name: string): ServiceDefinition {
  const definition = find(name);
  if ("format" in definition) throw new Error(`${name} is not a service in the .proto files`);
  return definition;
}

function messageType(name: string): MessageTypeDefinition<object, object> {
  const definition = find(name);
  if (!isMessageType(definition)) throw new Error(`${name} is not a message in the .proto files`);
  return definition;
}

function isMessageType(definition: AnyDefinition): definition is MessageTypeDefinition<object, object> {
  return "format" in definition && "serialize" in definition;
}

function find(name: string): AnyDefinition {
  const definition = definitions[name];
  if (definition === undefined) throw new Error(`the .proto files declare no ${name}`);
  return definition;
}
