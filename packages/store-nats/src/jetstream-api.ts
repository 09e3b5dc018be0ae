import { EventSourcingError } from "@es/core";
import type { CallLimit } from "./call-limit.ts";
import { attemptMs } from "./limits.ts";
import type { Link } from "./link.ts";
import { JETSTREAM_CODES, JetStreamError, RequestFailure } from "./request-failure.ts";
import { toStoreError } from "./store-error.ts";

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 250;

/** Requests to JetStream that may be made again without harm. */
export class JetStreamApi {
  readonly link: Link;
  /** What all its subjects begin with. */
  readonly prefix: string;

  constructor(link: Link, domain: string | undefined) {
    this.link = link;
    this.prefix = domain === undefined ? "$JS.API" : `$JS.${domain}.API`;
  }

  /**
   * Asks until there is an answer, and returns its body.
   *
   * @throws JetStreamError when the answer is an error
   * @throws StoreUnavailableError when there is none in time
   */
  async ask<Answer>(name: string, body: unknown, call: CallLimit): Promise<Answer> {
    const payload = body === undefined ? "" : JSON.stringify(body);
    return await this.persist(name, call, async (limitMs) => {
      const message = await this.link.request(`${this.prefix}.${name}`, payload, call, { limitMs });
      return parseAnswer<Answer>(message.string());
    });
  }

  #mayAppear({ errorCode }: JetStreamError, startedAt: number): boolean {
    const isClustered = this.link.client.info?.cluster !== undefined;
    const isMissing = errorCode === JETSTREAM_CODES.streamNotFound;
    return isClustered && isMissing && performance.now() - startedAt < APPEARANCE_MS;
  }

  /** Runs `work` again after a short pause for as long as its requests have no answer in the time that it is given. */
  async persist<Result>(doing: string, call: CallLimit, work: (limitMs: number) => Promise<Result>): Promise<Result> {
    const startedAt = performance.now();
    for (let pauseMs = FIRST_PAUSE_MS, attempt = 0; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS), attempt += 1) {
      try {
        return await work(attemptMs(attempt));
      } catch (error) {
        if (error instanceof EventSourcingError) throw error;
        const isOver = performance.now() + pauseMs >= call.deadline;
        if (error instanceof JetStreamError && (isOver || !(isTransient(error) || this.#mayAppear(error, startedAt)))) {
          throw error;
        }
        if (isOver || !(error instanceof RequestFailure || error instanceof JetStreamError)) {
          throw toStoreError(error, `asking JetStream for ${doing}`);
        }
      }
      await this.link.pause(pauseMs, call);
    }
  }
}

/** A cluster that elects its leader may not know yet of a stream that it has. */
const APPEARANCE_MS = 1_000;

/** Codes of a cluster that elects a leader, or of a server that has just started. */
const TRANSIENT: ReadonlySet<number> = new Set([10008, 10009]);

/** Whether JetStream may do it a moment later; now it has done nothing. */
export function isTransient({ errorCode }: JetStreamError): boolean {
  return TRANSIENT.has(errorCode);
}

/** @throws JetStreamError when the answer is an error */
export function parseAnswer<Answer>(text: string): Answer {
  const answer: Answer & { readonly error?: { readonly code: number } } = JSON.parse(text);
  if (answer.error !== undefined) throw new JetStreamError(answer.error);
  return answer;
}
