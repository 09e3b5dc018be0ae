/** The messages of proto/streams-v2.proto, as messages.ts has those of the first protocol. */
export interface ValueMessage {
  readonly kind?: "null_value" | "number_value" | "string_value" | "bool_value";
  readonly number_value?: number;
  readonly string_value?: string;
  readonly bool_value?: boolean;
}

export interface RecordMessage {
  readonly record_id?: string;
  readonly properties?: Readonly<Record<string, ValueMessage>>;
  readonly schema?: { readonly format?: number; readonly name?: string };
  readonly data?: Buffer;
  readonly stream?: string;
}

export interface SessionRequest {
  readonly stream?: string;
  readonly records?: readonly RecordMessage[];
  readonly expected_revision?: string;
}

export interface SessionResponse {
  readonly output: readonly { readonly stream: string; readonly stream_revision: string }[];
  readonly position: string;
}

export interface AppendRecordsRequest {
  readonly records?: readonly RecordMessage[];
  readonly checks?: readonly {
    readonly stream_state?: { readonly stream?: string; readonly expected_state?: string };
  }[];
}

export interface AppendRecordsResponse {
  readonly revisions: readonly { readonly stream: string; readonly revision: string }[];
  readonly position: string;
}
