/** The messages of proto/streams-v1.proto as they look here: 64-bit numbers are strings, a one-of names its field. */
export type Nothing = Record<never, never>;

export interface UuidMessage {
  readonly form?: "structured" | "text";
  readonly structured?: { readonly most_significant?: string; readonly least_significant?: string };
  readonly text?: string;
}

export interface StreamNameMessage {
  readonly name?: Buffer;
}

export interface PositionMessage {
  readonly commit?: string;
  readonly prepare?: string;
}

export interface ExpressionMessage {
  readonly regex?: string;
  readonly prefixes?: readonly string[];
}

export interface FilterMessage {
  readonly subject?: "stream_name" | "event_type";
  readonly stream_name?: ExpressionMessage;
  readonly event_type?: ExpressionMessage;
  readonly window?: "max" | "count";
  readonly max?: number;
  readonly checkpoint_interval_multiplier?: number;
}

export interface StreamSourceMessage {
  readonly stream?: StreamNameMessage;
  readonly from?: "revision" | "start" | "end";
  readonly revision?: string;
}

export interface AllSourceMessage {
  readonly from?: "position" | "start" | "end";
  readonly position?: PositionMessage;
}

export interface ReadOptionsMessage {
  readonly source?: "stream" | "all";
  readonly stream?: StreamSourceMessage;
  readonly all?: AllSourceMessage;
  readonly direction?: number;
  readonly resolve_links?: boolean;
  readonly amount?: "count" | "subscription";
  readonly count?: string;
  readonly selection?: "filter" | "no_filter";
  readonly filter?: FilterMessage;
  readonly uuid_form?: { readonly form?: "structured" | "text" };
  readonly control?: { readonly compatibility?: number };
}

export interface ReadRequest {
  readonly options?: ReadOptionsMessage;
}

export interface RecordedEventMessage {
  readonly id: UuidMessage;
  readonly stream: StreamNameMessage;
  readonly revision: string;
  readonly prepare: string;
  readonly commit: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly custom_metadata: Buffer;
  readonly data: Buffer;
}

export interface ProgressMessage {
  readonly timestamp?: { readonly seconds: string; readonly nanos: number };
  readonly revision?: string;
  readonly position?: PositionMessage;
}

/** One of these fields is set. */
export interface ReadResponse {
  readonly event?: {
    readonly event?: RecordedEventMessage;
    readonly link?: RecordedEventMessage;
    readonly commit_position: string;
  };
  readonly confirmation?: { readonly subscription_id: string };
  readonly checkpoint?: PositionMessage & Pick<ProgressMessage, "timestamp">;
  readonly stream_not_found?: { readonly stream: StreamNameMessage };
  readonly last_stream_position?: string;
  readonly caught_up?: ProgressMessage;
}

export interface ExpectedStreamMessage {
  readonly stream?: StreamNameMessage;
  readonly expected?: "revision" | "no_stream" | "any" | "stream_exists";
  readonly revision?: string;
}

export interface ProposedEventMessage {
  readonly id?: UuidMessage;
  readonly properties?: Readonly<Record<string, string>>;
  readonly custom_metadata?: Buffer;
  readonly data?: Buffer;
}

export interface AppendRequest {
  readonly content?: "options" | "event";
  readonly options?: ExpectedStreamMessage;
  readonly event?: ProposedEventMessage;
}

export interface AppendSuccessMessage {
  readonly revision?: string;
  readonly no_stream?: Nothing;
  readonly position?: PositionMessage;
  readonly no_position?: Nothing;
}

export interface AppendConflictMessage {
  readonly current_revision?: string;
  readonly current_no_stream?: Nothing;
  readonly expected_revision?: string;
  readonly any?: Nothing;
  readonly stream_exists?: Nothing;
  readonly no_stream?: Nothing;
}

export interface AppendResponse {
  readonly success?: AppendSuccessMessage;
  readonly conflict?: AppendConflictMessage;
}

export interface BatchAppendRequest {
  readonly correlation_id?: UuidMessage;
  readonly options?: ExpectedStreamMessage & {
    readonly deadline?: { readonly seconds?: string; readonly nanos?: number };
  };
  readonly events?: readonly ProposedEventMessage[];
  readonly is_final?: boolean;
}

export interface DetailMessage {
  readonly type_url: string;
  readonly value: Buffer;
}

export interface BatchAppendResponse {
  readonly correlation_id: UuidMessage;
  readonly error?: { readonly code: number; readonly message: string; readonly details: DetailMessage };
  readonly success?: AppendSuccessMessage;
  readonly stream: StreamNameMessage;
}

export interface DeleteRequest {
  readonly options?: ExpectedStreamMessage;
}

export interface DeleteResponse {
  readonly position: PositionMessage;
}
