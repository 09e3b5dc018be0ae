import { ConfigurationError } from "@es/core";

/** What a member of something that a caller hands in must be. The compiler says so too, but not everybody asks it. */
export interface Rule {
  /** Whether a value will do. */
  readonly is: (value: unknown) => boolean;
  /** What it must be, behind "it must be". */
  readonly what: string;
  /** Whether it must be there. */
  readonly isRequired?: boolean;
}

/** As a rule, for a member that must be there. */
export function required(rule: Rule): Rule {
  return { ...rule, isRequired: true };
}

/** Any function. */
export const aFunction: Rule = { is: isFunction, what: "a function" };
/** A text with something in it. */
export const aText: Rule = { is: isText, what: "a text that is not empty" };
/** A date. Whether it is a valid one is for others to say. */
export const aDate: Rule = { is: (value) => value instanceof Date, what: "a Date" };
/** A number, of whatever size. */
export const aNumber: Rule = { is: (value) => typeof value === "number", what: "a number" };
/** A list of texts. */
export const texts: Rule = {
  is: (value) => Array.isArray(value) && value.length > 0 && value.every(isText),
  what: "a list of texts, none of them empty; leave it out to mean all",
};
/** What `defineEvents` makes. */
export const aFamily: Rule = { is: has("decode", "encode", "includes"), what: "what defineEvents() returns" };
/** What brings events to their present schema. A family does. */
export const aCoder: Rule = { is: has("decode", "encode"), what: "what defineEvents() returns" };
/** A clock. */
export const aClock: Rule = {
  is: has("now", "monotonic", "delay"),
  what: "a clock: an object with now(), monotonic() and delay()",
};
/** Options that are objects of their own. */
export const anObject: Rule = { is: (value) => isObject(value) && !Array.isArray(value), what: "an object" };
/** Registers of a store or a sink. */
export const someRegisters: Rule = {
  is: has("get", "set", "delete", "keys"),
  what: 'registers, such as "store.registers"',
};
/** An event store. */
export const aStore: Rule = {
  is: (value) => has("readAll", "readStream", "append", "head", "identity")(value) && "registers" in value,
  what: "an event store; await the call that opens it",
};
/** A sink. */
export const aSink: Rule = {
  is: (value) =>
    has("transaction")(value) && someRegisters.is(Reflect.get(value, "registers")) && !hasNoTransactions(value),
  what: "a store with transactions, or what createSqliteSink() or createPostgresSink() returns",
};
/** Where a projection begins. */
export const aStart: Rule = {
  is: (value) =>
    value === "beginning" ||
    value === "now" ||
    (isObject(value) &&
      ("after" in value
        ? typeof value.after === "string"
        : "time" in value && value.time instanceof Date && !Number.isNaN(value.time.getTime()))),
  what: '"beginning", "now", { after: position } or { time: date }',
};

/** One of some texts. */
export function oneOf(...choices: readonly string[]): Rule {
  return {
    is: (value) => typeof value === "string" && choices.includes(value),
    what: choices.map((choice) => JSON.stringify(choice)).join(" or "),
  };
}

/**
 * Looks at what a caller hands in.
 * @param owner - what it is, such as `the options of a runner`
 * @throws ConfigurationError naming the first member that will not do, and what it must be
 */
export function assertMembers(owner: string, value: unknown, rules: Readonly<Record<string, Rule>>): void {
  if (!isObject(value)) throw new ConfigurationError(`${owner} cannot be ${shown(value)}; give an object`);
  for (const [member, { is, what, isRequired = false }] of Object.entries(rules)) {
    const found: unknown = Reflect.get(value, member);
    if (found === undefined ? !isRequired : is(found)) continue;
    throw new ConfigurationError(`"${member}" of ${owner} is ${shown(found)}; it must be ${what}`);
  }
}

/** @throws ConfigurationError when a value will not do */
export function assertIs(owner: string, value: unknown, { is, what }: Rule): void {
  if (!is(value)) throw new ConfigurationError(`${owner} is ${shown(value)}; it must be ${what}`);
}

/** @throws ConfigurationError when a time limit is not a number from 0 */
export function assertTimeLimit(timeoutMs: number): void {
  if (typeof timeoutMs === "number" && timeoutMs >= 0) return;
  throw new ConfigurationError(`timeoutMs is ${shown(timeoutMs)}; it must be a number of milliseconds from 0`);
}

/** A value in words. Objects are not shown: they may hold what nobody is to see. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Promise) return "a promise";
  return isObject(value) ? "an object without what is needed" : String(value);
}

function has(...methods: readonly string[]): (value: unknown) => value is object {
  return (value): value is object => isObject(value) && methods.every((name) => isFunction(Reflect.get(value, name)));
}

/** Whether it is a store that says so itself. */
function hasNoTransactions(value: object): boolean {
  const capabilities: unknown = Reflect.get(value, "capabilities");
  return isObject(capabilities) && Reflect.get(capabilities, "transactions") === false;
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
