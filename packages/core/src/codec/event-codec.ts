import type { JsonValue } from "../store/json.ts";

/** What a codec is told about the data it works on. */
export interface CodecContext {
  /** The stream of the event, or the key of the register. */
  readonly streamId: string;
  /** The type of the event; `"register"` for a register's value. */
  readonly type: string;
}

/**
 * Turns event data and register values into what is stored, and back. `name` is stored with the data, so that reading with
 * another codec is an error and never garbage.
 */
export interface EventCodec {
  /** Short and stable. */
  readonly name: string;
  /**
   * Data to what is stored.
   * @throws CodecError
   */
  encode(data: JsonValue, context: CodecContext): JsonValue | Promise<JsonValue>;
  /**
   * What is stored to data.
   * @throws CodecError when the data is damaged or was written with other settings, such as another key
   */
  decode(data: JsonValue, context: CodecContext): JsonValue | Promise<JsonValue>;
}

/** One codec after the other: the first works on the data, the next on its result. Compress first, then encrypt. */
export function combineCodecs(...codecs: readonly EventCodec[]): EventCodec {
  return {
    name: codecs.map((codec) => codec.name).join("+"),
    async encode(data, context) {
      let value = data;
      for (const codec of codecs) value = await codec.encode(value, context);
      return value;
    },
    async decode(data, context) {
      let value = data;
      for (const codec of codecs.toReversed()) value = await codec.decode(value, context);
      return value;
    },
  };
}
