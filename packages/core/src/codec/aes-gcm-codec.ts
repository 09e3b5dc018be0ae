import { toJson } from "../adapter/to-json.ts";
import { ConfigurationError } from "../errors/configuration-error.ts";
import { CodecError } from "../errors/store-errors.ts";
import { fromBase64, toBase64 } from "./bytes.ts";
import type { CodecContext, EventCodec } from "./event-codec.ts";

const KEY_BYTES = [16, 24, 32];
const NONCE_BYTES = 12;

/** Key of {@link aesGcmCodec}. */
export interface AesGcmOptions {
  /** 16, 24 or 32 random bytes, as base64. */
  readonly key: string;
}

/**
 * Encrypts data with AES-GCM (NIST SP 800-38D) and a random 12-byte nonce for each event. The stream and the type are
 * authenticated with it, so that data moved to another stream does not decrypt. A wrong key and changed or cut data are a
 * `CodecError`. Under one key, encrypt at most 2^32 events.
 *
 * @throws ConfigurationError when the key is not base64 of 16, 24 or 32 bytes
 */
export function aesGcmCodec({ key }: AesGcmOptions): EventCodec {
  const bytes = keyBytes(key);
  let imported: ReturnType<typeof globalThis.crypto.subtle.importKey> | undefined;
  function cryptoKey(): NonNullable<typeof imported> {
    imported ??= globalThis.crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
    return imported;
  }
  return {
    name: "aes-gcm",
    async encode(data, context) {
      const nonce = globalThis.crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
      const sealed = await globalThis.crypto.subtle.encrypt(
        { name: "AES-GCM", iv: nonce, additionalData: boundTo(context) },
        await cryptoKey(),
        new TextEncoder().encode(JSON.stringify(data)),
      );
      const joined = new Uint8Array(NONCE_BYTES + sealed.byteLength);
      joined.set(nonce);
      joined.set(new Uint8Array(sealed), NONCE_BYTES);
      return toBase64(joined);
    },
    async decode(data, context) {
      if (typeof data !== "string") throw new CodecError("the data was not written by aesGcmCodec");
      const joined = fromBase64(data);
      const opened = await globalThis.crypto.subtle.decrypt(
        { name: "AES-GCM", iv: joined.subarray(0, NONCE_BYTES), additionalData: boundTo(context) },
        await cryptoKey(),
        joined.subarray(NONCE_BYTES),
      );
      const value: unknown = JSON.parse(new TextDecoder().decode(opened));
      return toJson(value, "data");
    },
  };
}

/** A new key for {@link aesGcmCodec}: `bytes` random bytes as base64. */
export function createAesGcmKey(bytes: 16 | 24 | 32 = 32): string {
  return toBase64(globalThis.crypto.getRandomValues(new Uint8Array(bytes)));
}

function keyBytes(key: string): Uint8Array<ArrayBuffer> {
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    bytes = fromBase64(key);
  } catch {
    bytes = undefined;
  }
  if (bytes === undefined || !KEY_BYTES.includes(bytes.length)) {
    throw new ConfigurationError(
      "the AES-GCM key must be base64 of 16, 24 or 32 bytes; createAesGcmKey() makes one (the key itself is not shown here)",
    );
  }
  return bytes;
}

function boundTo({ streamId, type }: CodecContext): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify([streamId, type]));
}
