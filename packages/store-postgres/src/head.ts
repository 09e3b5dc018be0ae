import type { StoreNames } from "./names.ts";
import type { QueryRunner } from "./query-runner.ts";
import { StandbyError } from "./standby.ts";
import { firstNumber } from "./rows.ts";
import { SharedQuestion } from "./shared-question.ts";
import { type Statement, statementOf } from "./statement.ts";

const DOING = "reading the head of the log";

/**
 * The newest position that may be read: nothing can appear at or before it any more, because everybody who might still store
 * something there holds a lock that says so, and the server looks at these locks.
 */
export class Head {
  readonly #runner: QueryRunner;
  readonly #statement: Statement;
  readonly #max: Statement;
  #known = 0;
  readonly #question = new SharedQuestion(() => this.#answer());

  constructor(runner: QueryRunner, { head, events }: StoreNames) {
    this.#runner = runner;
    // Behind the first column, in the same session: a standby may be promoted meanwhile, but never the other way round.
    this.#statement = statementOf(`SELECT pg_is_in_recovery()::text, ${head}()`);
    this.#max = statementOf(`SELECT max(position) FROM ${events}`);
  }

  /** The last answer. What is at or before it stays readable. */
  get known(): number {
    return this.#known;
  }

  /** Asks the server, not earlier than now; callers that come while it is being asked share the next question. */
  async ask(): Promise<number> {
    return this.#question.ask();
  }

  /** The newest stored position, readable already or not yet. */
  async newest(): Promise<number> {
    const [row] = await this.#runner.read(this.#max, [], { doing: DOING });
    return firstNumber(row);
  }

  async #answer(): Promise<number> {
    const [row] = await this.#runner.read(this.#statement, [], { doing: DOING });
    const [isInRecovery, newest] = row ?? [];
    if (isInRecovery === "true") throw new StandbyError();
    const answer = Number(newest);
    // A writer that was slow to announce a lower bound may take the answer back for a moment, which changes nothing about what
    // was readable. If the newest event is gone as well, it is another log: a backup was restored.
    const isBehind = answer < this.#known && (await this.newest()) >= this.#known;
    if (!isBehind) this.#known = answer;
    return this.#known;
  }
}
