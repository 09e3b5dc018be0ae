import { ConfigurationError } from "@es/core";

/** What may hold words that are no statements: texts, quoted names, comments, and bodies of functions. */
const HIDDEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\/|(\$\w*\$)[\s\S]*?\1/g;
/** Whether looking closer is worth it. Most statements of a handler are none of these. */
const SUSPICIOUS = /\b(?:commit|end|rollback|abort|prepare\s+transaction)\b/i;
const ENDING = /(?:^|;)\s*(commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b))\b/i;

/** The statement in a text of SQL that would end the transaction, if there is one. */
export function endingStatement(sql: string): string | undefined {
  if (!SUSPICIOUS.test(sql)) return undefined;
  const text = sql.replaceAll(HIDDEN, " ");
  const statement = ENDING.exec(text)?.[1]?.toUpperCase();
  // The body of a trigger or of a function ends with it.
  return statement === "END" && /\bcreate\b/i.test(text) ? undefined : statement;
}

/** Keeps the work of one transaction of a sink from ending it, and from using it when it is over. */
export class TransactionGuard {
  readonly #isOpen: () => boolean;
  #refused: string | undefined;
  #isOver = false;

  /** @param isOpen - whether the database has the transaction open */
  constructor(isOpen: () => boolean) {
    this.#isOpen = isOpen;
  }

  /** Looks at SQL of the work in front of its execution. @throws ConfigurationError when it must not be executed */
  check(sql: unknown): void {
    if (this.#isOver) {
      throw new ConfigurationError(
        "the transaction is over, so nothing was written; await everything that a handler does with tx",
      );
    }
    this.assertOpen();
    const statement = typeof sql === "string" ? endingStatement(sql) : undefined;
    if (statement !== undefined) this.refuse(statement);
  }

  /** What came behind its end would be written for good, and by itself. @throws ConfigurationError */
  assertOpen(cause?: unknown): void {
    if (this.#isOpen()) return;
    throw new ConfigurationError(
      "the work of a transaction of the sink ended the transaction itself, and what it wrote until then may be stored; leave COMMIT and ROLLBACK to the sink",
      { cause },
    );
  }

  /** Refuses what would take the transaction from the sink. */
  refuse(what: string): never {
    this.#refused = what;
    throw new ConfigurationError(
      `${what} was refused, because the transaction belongs to the sink; leave it out: what a handler writes is committed with the checkpoint, ` +
        "and rolled back when the handler throws",
    );
  }

  /**
   * The work has come to its end, with `cause` when it failed.
   * @throws ConfigurationError when it has ended the transaction, or tried to
   */
  finish(cause?: unknown): void {
    this.#isOver = true;
    if (this.#refused !== undefined) {
      throw new ConfigurationError(
        `the work of a transaction of the sink sent ${this.#refused}, so it was rolled back and nothing was written; leave COMMIT and ROLLBACK to the sink`,
        { cause },
      );
    }
    this.assertOpen(cause);
  }
}
