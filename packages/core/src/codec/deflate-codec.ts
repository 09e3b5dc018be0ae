import { CodecError } from "../errors/store-errors.ts";
import type { JsonValue } from "../store/json.ts";
import { toJson } from "../adapter/to-json.ts";
import { fromBase64, toBase64 } from "./bytes.ts";
import type { EventCodec } from "./event-codec.ts";

/**
 * Compresses data with raw DEFLATE (RFC 1951). Worth it from about a kilobyte on: base64 takes a third back. Data that would
 * not become smaller is stored as it is.
 *
 * @param minBytes - data whose JSON is shorter is not compressed
 */
export function deflateCodec({ minBytes = 512 }: { readonly minBytes?: number } = {}): EventCodec {
  return {
    name: "deflate",
    async encode(data) {
      const json = JSON.stringify(data);
      if (json.length >= minBytes) {
        const packed = toBase64(await pipe(new TextEncoder().encode(json), new CompressionStream("deflate-raw")));
        if (packed.length < json.length) return { deflate: packed };
      }
      return { plain: data };
    },
    async decode(data) {
      if (hasMember(data, "plain")) return data.plain;
      if (!hasMember(data, "deflate") || typeof data.deflate !== "string")
        throw new CodecError("the data was not written by deflateCodec");
      const bytes = await pipe(fromBase64(data.deflate), new DecompressionStream("deflate-raw"));
      const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
      return toJson(value, "data");
    },
  };
}

function hasMember<Name extends string>(data: JsonValue, name: Name): data is { readonly [key in Name]: JsonValue } {
  return typeof data === "object" && data !== null && name in data;
}

async function pipe(
  bytes: Uint8Array<ArrayBuffer>,
  transform: CompressionStream | DecompressionStream,
): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(transform);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
