import type { ExpectedState, LoggedEvent, NewEvent } from "./event-log.ts";
import type {
  ExpectedStreamMessage,
  PositionMessage,
  ProposedEventMessage,
  RecordedEventMessage,
  StreamNameMessage,
  UuidMessage,
} from "./messages.ts";

/** Reads a stream's name; proto3 leaves an empty one out. */
export function toStreamName(message: StreamNameMessage | undefined): string {
  return message?.name?.toString("utf8") ?? "";
}

export function fromStreamName(streamName: string): StreamNameMessage {
  return { name: Buffer.from(streamName, "utf8") };
}

/** Reads a UUID in either of its two forms. */
export function toUuid(message: UuidMessage | undefined): string {
  if (message?.form === "text") return (message.text ?? "").toLowerCase();
  const { most_significant: most = "0", least_significant: least = "0" } = message?.structured ?? {};
  const hex = toHex(most) + toHex(least);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Writes a UUID in the form that the client asked for. */
export function fromUuid(uuid: string, isText = true): UuidMessage {
  if (isText) return { text: uuid };
  const hex = uuid.replaceAll("-", "");
  return {
    structured: { most_significant: fromHex(hex.slice(0, 16)), least_significant: fromHex(hex.slice(16)) },
  };
}

export function fromPosition(position: bigint): PositionMessage {
  return { commit: String(position), prepare: String(position) };
}

/** Reads the state that a client expects of a stream. */
export function toExpectedState(message: ExpectedStreamMessage | undefined): ExpectedState {
  switch (message?.expected) {
    case "revision":
      return BigInt(message.revision ?? "0");
    case "no_stream":
      return "no-stream";
    case "stream_exists":
      return "stream-exists";
    case "any":
    case undefined:
      return "any";
  }
}

export function toNewEvent(message: ProposedEventMessage): NewEvent {
  return {
    id: toUuid(message.id),
    type: message.properties?.["type"] ?? "",
    contentType: message.properties?.["content-type"] ?? "application/octet-stream",
    customMetadata: message.custom_metadata ?? Buffer.alloc(0),
    data: message.data ?? Buffer.alloc(0),
  };
}

export function fromLoggedEvent(event: LoggedEvent, isTextId: boolean): RecordedEventMessage {
  return {
    id: fromUuid(event.id, isTextId),
    stream: fromStreamName(event.streamName),
    revision: String(event.revision),
    prepare: String(event.position),
    commit: String(event.position),
    properties: {
      type: event.type,
      "content-type": event.contentType,
      // Ticks of 100 ns since 1970.
      created: String(BigInt(event.createdMs) * 10_000n),
    },
    custom_metadata: event.customMetadata,
    data: event.data,
  };
}

function toHex(signed: string): string {
  return BigInt.asUintN(64, BigInt(signed)).toString(16).padStart(16, "0");
}

function fromHex(hex: string): string {
  return String(BigInt.asIntN(64, BigInt(`0x${hex}`)));
}
