import { Readable } from "node:stream";
import { UnavailableError, UnknownError, WrongExpectedVersionError } from "@kurrent/kurrentdb-client";
import { describe, expect, it } from "vitest";
import { ClientHolder } from "./client-holder.ts";
import { ExactWriter } from "./exact-writer.ts";
import type { CompactEvent, IncomingEvent, KurrentClient, OutgoingEvent } from "./kurrent-client.ts";
import { ServerReader } from "./server-reader.ts";

const IDS = ["aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"] as const;
const EVENTS: readonly OutgoingEvent[] = IDS.map((id) => ({
  id,
  type: "T",
  contentType: "application/json",
  data: {},
  metadata: {},
}));
const APPEND = { writes: [{ stream: "a-1", base: 3, events: EVENTS }], checks: [] };

function stored(id: string, revision: bigint): IncomingEvent {
  return { id, revision, streamId: "a-1", type: "T", isJson: true, data: {}, created: new Date(0) };
}

/** The subscription to a stream without events. */
class CaughtUp extends Readable {
  constructor() {
    super({ objectMode: true, read: () => setImmediate(() => this.emit("caughtUp")) });
  }

  async unsubscribe(): Promise<void> {
    this.destroy();
  }
}

const unused = (): never => {
  throw new Error("not expected");
};

function writerWith(calls: Partial<KurrentClient>): ExactWriter {
  const client: KurrentClient = {
    appendToStream: unused,
    readStream: unused,
    multiStreamAppend: unused,
    appendRecords: unused,
    setStreamMetadata: unused,
    readAll: unused,
    subscribeToAll: unused,
    subscribeToStream: unused,
    dispose: async () => undefined,
    ...calls,
  };
  return new ExactWriter(new ServerReader(new ClientHolder(() => client, 100), 500));
}

/** A server that loses the first answer, refuses the same append afterwards, and has these events from revision 3 on. */
function writerOn(events: readonly IncomingEvent[], errors: readonly Error[]): ExactWriter {
  const left = [...errors];
  return writerWith({
    appendToStream: async () => {
      throw left.shift() ?? new Error("not expected");
    },
    async *readStream(_, { direction, maxCount }) {
      const ordered = direction === "backwards" ? events.toReversed() : events;
      for (const event of ordered.slice(0, maxCount)) yield { event };
    },
    subscribeToStream: () => new CaughtUp(),
  });
}

function limit() {
  return { deadline: performance.now() + 500 };
}

const LOST = new UnavailableError();
const CONFLICT = new WrongExpectedVersionError(undefined, { streamName: "a-1", expected: 2n, current: 6n });

describe("an append that is refused after an attempt without an answer", () => {
  it("was stored when its events stand at its place", async () => {
    const writer = writerOn([stored(IDS[0], 3n), stored(IDS[1], 4n)], [LOST, CONFLICT]);

    expect(await writer.store(APPEND, limit())).toStrictEqual({
      outcome: "stored",
      versions: [5],
      position: undefined,
    });
  });

  it.each([
    ["others stand there", [stored(IDS[1], 3n), stored(IDS[0], 4n)]],
    ["only one of them stands there", [stored(IDS[0], 3n), stored("bbbbbbbb-0000-4000-8000-000000000001", 4n)]],
    ["nothing stands there", []],
  ])("was not stored when %s", async (_, events) => {
    const writer = writerOn(events, [LOST, CONFLICT]);

    expect(await writer.store(APPEND, limit())).toStrictEqual({ outcome: "moved", stream: "a-1", actual: 7 });
  });

  it("has an unknown outcome when what stood there was removed since", async () => {
    const writer = writerOn([stored(IDS[1], 4n)], [LOST, CONFLICT]);

    await expect(writer.store(APPEND, limit())).rejects.toMatchObject({ code: "ES_UNKNOWN_OUTCOME" });
  });
});

describe("an append", () => {
  it("to one stream has metadata in the bytes that the client sends as they are", async () => {
    const sent: CompactEvent[] = [];
    const writer = writerWith({
      appendToStream: async (_, events) => {
        sent.push(...events);
        return { nextExpectedRevision: 4n, position: { commit: 9n, prepare: 9n } };
      },
    });
    const metadata = { user: "Zo\u00eb \u{1f600}" };
    const events = EVENTS.map((event) => ({ ...event, metadata }));

    await writer.store({ writes: [{ stream: "a-1", base: 3, events }], checks: [] }, limit());

    expect(sent.map((event) => event.metadata.constructor)).toStrictEqual([Uint8Array, Uint8Array]);
    const texts = sent.map((event) => new TextDecoder().decode(event.metadata));
    expect(texts.map((text): unknown => JSON.parse(text))).toStrictEqual([metadata, metadata]);
    expect(sent.map((event) => ({ ...event, metadata }))).toStrictEqual(events);
  });

  it("that is refused at once was not stored, whatever stands there", async () => {
    const writer = writerOn([stored(IDS[0], 3n), stored(IDS[1], 4n)], [CONFLICT]);

    expect(await writer.store(APPEND, limit())).toMatchObject({ outcome: "moved", actual: 7 });
  });

  it("that never gets an answer has an unknown outcome", async () => {
    const writer = writerOn([], Array<Error>(50).fill(LOST));

    await expect(writer.store(APPEND, limit())).rejects.toMatchObject({ code: "ES_UNKNOWN_OUTCOME" });
  });

  it.each([
    ["not ready", new UnknownError(undefined, "Could not recognize Server Is Not Ready")],
    ["busy", new UnknownError(undefined, "Could not recognize Server Is Busy")],
  ])("that met only servers that were %s was not stored", async (_, error) => {
    const writer = writerOn([], Array<Error>(50).fill(error));

    await expect(writer.store(APPEND, limit())).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
  });

  it("that met only servers that lead no more has an unknown outcome: others of its batch may have been done", async () => {
    const error = Object.assign(new Error("Leader info available"), { type: "not-leader", code: 5 });
    const writer = writerOn([], Array<Error>(50).fill(error));

    await expect(writer.store(APPEND, limit())).rejects.toMatchObject({ code: "ES_UNKNOWN_OUTCOME" });
  });

  it("that was never sent was not stored", async () => {
    const down = Object.assign(new Error("14 UNAVAILABLE: No connection established"), { code: 14 });
    const writer = writerOn([], Array<Error>(50).fill(down));

    await expect(writer.store(APPEND, limit())).rejects.toMatchObject({ code: "ES_STORE_UNAVAILABLE" });
  });
});
