import * as z from "zod";
import { fromBase64, toBase64 } from "./bytes.ts";

/** A `Date` in the domain, an ISO 8601 text in UTC in the store. */
export function dateCodec(): z.ZodCodec<z.ZodISODateTime, z.ZodDate> {
  return z.codec(z.iso.datetime({ offset: true }), z.date(), {
    decode: (text) => new Date(text),
    encode: (date) => date.toISOString(),
  });
}

/** A `bigint` in the domain, its decimal digits as text in the store. */
export function bigintCodec(): z.ZodCodec<z.ZodString, z.ZodBigInt> {
  return z.codec(z.string().regex(/^-?\d+$/), z.bigint(), {
    decode: (text) => BigInt(text),
    encode: (value) => value.toString(),
  });
}

/** A `Uint8Array` in the domain, base64 in the store. */
export function bytesCodec(): z.ZodCodec<z.ZodBase64, z.ZodCustom<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>> {
  return z.codec(z.base64(), z.instanceof(Uint8Array), {
    decode: (text) => fromBase64(text),
    encode: (bytes) => toBase64(bytes),
  });
}
