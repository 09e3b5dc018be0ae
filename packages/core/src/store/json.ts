/** A value that survives `JSON.stringify` and `JSON.parse` unchanged. Event data, metadata and snapshots are made of nothing else. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** A JSON object. */
export type JsonObject = { readonly [key: string]: JsonValue };
