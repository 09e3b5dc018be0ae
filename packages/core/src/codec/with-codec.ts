import { type PreparedEvent, type PreparedWrite, prepareAppend } from "../adapter/prepare-append.ts";
import { assertRegisterWrite } from "../adapter/register-checks.ts";
import { toJson } from "../adapter/to-json.ts";
import { CodecError } from "../errors/store-errors.ts";
import { isEventSourcingError } from "../errors/is-event-sourcing-error.ts";
import type { EventStore, TransactionalEventStore, Write } from "../store/event-store.ts";
import type { JsonValue } from "../store/json.ts";
import type { NewEvent, RecordedEvent } from "../store/recorded-event.ts";
import type { Register, Registers } from "../store/registers.ts";
import { CallOrder } from "./call-order.ts";
import type { CodecContext, EventCodec } from "./event-codec.ts";

/** Options of {@link withCodec}. */
export interface CodecOptions {
  /**
   * What to do with data that was stored without a codec: `"accept"` reads it as it is, for a log that began without one.
   * @defaultValue `"refuse"`
   */
  readonly plainData?: "accept" | "refuse";
  /** Most milliseconds that encoding for one call may take. Calls keep their order, so each waits for those before it. @defaultValue 30,000 */
  readonly timeoutMs?: number;
}

/**
 * The same store with event data and register values (snapshots included) encoded. Types, metadata, tags and stream ids stay
 * readable, because filters, conditions and upcasters need them.
 */
export function withCodec<Tx>(
  store: TransactionalEventStore<Tx>,
  codec: EventCodec,
  options?: CodecOptions,
): TransactionalEventStore<Tx>;
/** As above, for a store without transactions. */
export function withCodec<Tx>(store: EventStore<Tx>, codec: EventCodec, options?: CodecOptions): EventStore<Tx>;
export function withCodec<Tx>(
  store: EventStore<Tx> | TransactionalEventStore<Tx>,
  codec: EventCodec,
  options: CodecOptions = {},
): EventStore<Tx> | TransactionalEventStore<Tx> {
  const envelope = new Envelope(codec, options.plainData ?? "refuse");
  const order = new CallOrder(options.timeoutMs ?? 30_000);

  async function encodeEvent(event: PreparedEvent, streamId: string): Promise<NewEvent> {
    return { ...event, data: await envelope.seal(event.data, { streamId, type: event.type }) };
  }

  async function encodeWrite(write: PreparedWrite): Promise<Write> {
    return { ...write, events: await Promise.all(write.events.map((event) => encodeEvent(event, write.streamId))) };
  }

  async function decodeEvents(events: readonly RecordedEvent[]): Promise<readonly RecordedEvent[]> {
    return await Promise.all(
      events.map(async (event) => ({
        ...event,
        data: await envelope.open(event.data, { streamId: event.streamId, type: event.type }),
      })),
    );
  }

  const encoded: EventStore<Tx> = {
    capabilities: store.capabilities,
    registers: registersWithCodec(store.registers, envelope, order),
    async append(writes, appendOptions) {
      // What every store refuses is refused before the data is encoded, because it could not be recognised afterwards.
      const prepared = prepareAppend(writes, store.capabilities);
      return await order.run(Promise.all(prepared.map(encodeWrite)), appendOptions?.signal, (sealed) =>
        store.append(sealed, appendOptions),
      );
    },
    async *readStream(streamId, readOptions) {
      for await (const page of store.readStream(streamId, readOptions)) yield await decodeEvents(page);
    },
    async *readAll(readOptions) {
      for await (const page of store.readAll(readOptions)) yield { ...page, events: await decodeEvents(page.events) };
    },
    head: (headOptions) => store.head(headOptions),
    identity: (identityOptions) => store.identity(identityOptions),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
  if (!("transaction" in store)) return encoded;
  return { ...encoded, transaction: (work, transactionOptions) => store.transaction(work, transactionOptions) };
}

/** The form of encoded data: the codec's name, and what it made of the data. */
class Envelope {
  readonly #codec: EventCodec;
  readonly #plainData: "accept" | "refuse";

  constructor(codec: EventCodec, plainData: "accept" | "refuse") {
    this.#codec = codec;
    this.#plainData = plainData;
  }

  async seal(data: JsonValue, context: CodecContext): Promise<JsonValue> {
    try {
      return { $codec: this.#codec.name, data: await this.#codec.encode(data, context) };
    } catch (error) {
      if (isEventSourcingError(error)) throw error;
      const where = `data of ${JSON.stringify(context.type)} for ${JSON.stringify(context.streamId)}`;
      throw new CodecError(`${where} cannot be encoded by codec "${this.#codec.name}"; nothing was stored`, {
        cause: error,
      });
    }
  }

  async open(stored: JsonValue, context: CodecContext): Promise<JsonValue> {
    const where = `data of ${JSON.stringify(context.type)} in ${JSON.stringify(context.streamId)}`;
    if (!isSealed(stored)) {
      if (this.#plainData === "accept") return stored;
      throw new CodecError(`${where} was stored without a codec; pass { plainData: "accept" } to read such data`);
    }
    if (stored.$codec !== this.#codec.name) {
      throw new CodecError(
        `${where} was stored with codec "${stored.$codec}", not "${this.#codec.name}"; read it with that one`,
      );
    }
    try {
      return await this.#codec.decode(stored.data, context);
    } catch (error) {
      if (isEventSourcingError(error)) throw error;
      throw new CodecError(`${where} cannot be decoded: it is damaged or was encoded with other settings`, {
        cause: error,
      });
    }
  }
}

function registersWithCodec<Tx>(registers: Registers<Tx>, envelope: Envelope, order: CallOrder): Registers<Tx> {
  function contextOf(key: string): CodecContext {
    return { streamId: key, type: "register" };
  }
  return {
    async get(key, options): Promise<Register | undefined> {
      const register = await registers.get(key, options);
      if (register === undefined) return undefined;
      const value = await envelope.open(parseRegister(register.value), contextOf(key));
      return { value: typeof value === "string" ? value : JSON.stringify(value), revision: register.revision };
    },
    async set(key, value, options) {
      assertRegisterWrite(key, value, options?.expected);
      return await order.run(envelope.seal(value, contextOf(key)), options?.signal, (sealed) =>
        registers.set(key, JSON.stringify(sealed), options),
      );
    },
    delete: (key, options) => order.run(Promise.resolve(), options?.signal, () => registers.delete(key, options)),
    keys: (prefix, options) => registers.keys(prefix, options),
  };
}

/** A register that was written without a codec may hold any text. */
function parseRegister(text: string): JsonValue {
  try {
    const value: unknown = JSON.parse(text);
    const json = toJson(value, "register");
    return isSealed(json) ? json : text;
  } catch {
    return text;
  }
}

function isSealed(value: JsonValue): value is { readonly $codec: string; readonly data: JsonValue } {
  return (
    typeof value === "object" &&
    value !== null &&
    "$codec" in value &&
    typeof value["$codec"] === "string" &&
    "data" in value &&
    Object.keys(value).length === 2
  );
}
