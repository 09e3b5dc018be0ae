/**
 * Which KurrentDB streams belong to a store, and what they are called there. A stream has the name of its stream id, with the
 * name of the store in front where it has one. Names that begin with `$` mean something to the server, and `es:` marks the
 * store's own streams; so a stream id that begins with either gets a `~` in front, as does one that would look so.
 */

const RESERVED_STREAM = /^~*(?:\$|es:)/;
const RESERVED_TYPE = /^~*\$/;
const MARK = "~";

/** What the regular expressions of the server mean by "not one of the server's or the store's own". */
const NOT_RESERVED = "(?!\\$|es:)";

/** The names of one store. An unnamed one has all streams of the server, a named one those with its prefix. */
export class StoreNames {
  /** `undefined`: the store is the whole server. */
  readonly name: string | undefined;
  readonly #prefix: string;

  constructor(name: string | undefined) {
    this.name = name;
    this.#prefix = name === undefined ? "" : `${name}.`;
  }

  /** What the server calls a stream. */
  stream(streamId: string): string {
    return this.#prefix + (RESERVED_STREAM.test(streamId) ? MARK + streamId : streamId);
  }

  /** The stream id of a stream, or `undefined` when it is not one of this store. */
  streamId(stream: string): string | undefined {
    if (!stream.startsWith(this.#prefix)) return undefined;
    const escaped = stream.slice(this.#prefix.length);
    if (escaped === "" || escaped.startsWith("$") || escaped.startsWith("es:")) return undefined;
    return RESERVED_STREAM.test(escaped) ? escaped.slice(MARK.length) : escaped;
  }

  /** The stream that says that there is a store, and which. */
  get storeStream(): string {
    return this.name === undefined ? "es:store" : `es:store:${this.name}`;
  }

  /** What the streams of all registers begin with. */
  get registersPrefix(): string {
    return this.name === undefined ? "es:register-" : `es:register:${this.name}-`;
  }

  /** A regular expression for the streams of this store; it may let through some that are none. */
  get pattern(): string {
    return `^${escapePattern(this.#prefix)}${NOT_RESERVED}`;
  }

  /** A regular expression for the streams of some categories; it may let through a few others. */
  categoriesPattern(categories: readonly string[]): string {
    const names = categories.map((category) => escapePattern(this.stream(category)));
    return `^(?:${names.join("|")})(?:-|$)`;
  }
}

/** What the server calls an event type. */
export function toServerType(type: string): string {
  return RESERVED_TYPE.test(type) ? MARK + type : type;
}

/** The event type of what the server calls so, or `undefined` for one of the server's own, such as a link. */
export function fromServerType(type: string): string | undefined {
  if (type === "" || type.startsWith("$")) return undefined;
  return RESERVED_TYPE.test(type) ? type.slice(MARK.length) : type;
}

/** A regular expression for event types; it may let through a few others. */
export function typesPattern(types: readonly string[]): string {
  return `^(?:${types.map((type) => escapePattern(toServerType(type))).join("|")})$`;
}

/** The text as a regular expression that means nothing but itself, to .NET as well as to JavaScript. */
export function escapePattern(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&");
}
