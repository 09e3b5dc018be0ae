import { type Page, type ReadAllOptions, StoreUnavailableError } from "@es/core";
import { formatPosition } from "@es/core/adapter";
import { describe, expect, it } from "vitest";
import { outlastOutages } from "./outlast-outages.ts";

const gone = (cause?: unknown): Error => new StoreUnavailableError("gone", { cause });

function page(next: number, { isCaughtUp = true }: { readonly isCaughtUp?: boolean } = {}): Page {
  return { events: [], next: formatPosition(next), isCaughtUp };
}

/** Gives pages and errors in turn; an error ends one read, and the next one goes on behind it. */
function script(steps: readonly (Page | Error)[]): {
  readonly read: (options: ReadAllOptions) => AsyncGenerator<Page, void, undefined>;
  readonly asked: ReadAllOptions[];
} {
  const left = [...steps];
  const asked: ReadAllOptions[] = [];
  return {
    asked,
    async *read(options) {
      asked.push(options);
      for (let step = left.shift(); step !== undefined; step = left.shift()) {
        if (step instanceof Error) throw step;
        yield step;
      }
    },
  };
}

async function positions(pages: AsyncIterable<Page>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { next } of pages) found.push(next);
  return found;
}

describe("outlastOutages", () => {
  it("goes on behind the last page of a live read", async () => {
    const { read, asked } = script([page(3), gone(), gone(new Error("read ECONNRESET")), page(3), page(7)]);

    const found = await positions(outlastOutages(read, { live: true }));

    expect(found).toStrictEqual([3, 7].map(formatPosition));
    expect(asked.map(({ after }) => after)).toStrictEqual([undefined, formatPosition(3), formatPosition(3)]);
  });

  it("tells that a read has caught up that had not when the server went away", async () => {
    const { read } = script([page(3, { isCaughtUp: false }), gone(), page(3)]);

    expect(await positions(outlastOutages(read, { live: true }))).toHaveLength(2);
  });

  it("ends any other read with the error", async () => {
    const { read } = script([page(3), gone(), page(7)]);

    await expect(positions(outlastOutages(read))).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
  });

  it("ends with what does not pass, such as a statement that takes too long", async () => {
    const cancelled = Object.assign(new Error("canceling statement"), { code: "57014", severity: "ERROR" });
    const { read } = script([gone(cancelled), page(7)]);

    await expect(positions(outlastOutages(read, { live: true }))).rejects.toMatchObject({
      code: "ES_STORE_UNAVAILABLE",
    });
  });

  it("ends when it is aborted while the server is away", async () => {
    const controller = new AbortController();
    const { read } = script([gone(), gone(), gone(), gone(), gone()]);
    const pages = positions(outlastOutages(read, { live: true, signal: controller.signal }));

    controller.abort();

    await expect(pages).rejects.toMatchObject({ code: "ES_ABORTED" });
  });
});
