import { describe, expect, it } from "vitest";
import { FakeEventStore } from "../../test/fake-event-store.ts";
import type { Write } from "../store/event-store.ts";
import type { ExpectedVersion } from "../store/expected-version.ts";
import { meetsExpectedVersion, versionBefore } from "./expectation.ts";
import { prepareAppend, prepareTextAppend } from "./prepare-append.ts";

const { capabilities } = new FakeEventStore({ maxEventsPerAppend: 3 });
const id = "0190a1b2-c3d4-4e5f-8a6b-7c8d9e0f1a2b";

function write(change: Partial<Write> = {}): Write {
  return { streamId: "a-1", expected: 0, events: [{ type: "Opened", data: {} }], ...change };
}

describe("prepareAppend", () => {
  it("draws ids, fills in metadata and tags, and removes double tags", () => {
    const [prepared] = prepareAppend(
      write({ events: [{ type: "Opened", data: { a: 1 }, tags: ["x", "x"] }] }),
      capabilities,
    );

    expect(prepared).toEqual({
      streamId: "a-1",
      expected: 0,
      events: [
        { id: expect.stringMatching(/^[0-9a-f-]{36}$/), type: "Opened", data: { a: 1 }, metadata: {}, tags: ["x"] },
      ],
    });
  });

  it("shares nothing with the caller", () => {
    const data = { list: [1] };
    const metadata = { actor: "ada" };
    const [prepared] = prepareAppend(write({ events: [{ type: "Opened", data, metadata }] }), capabilities);

    data.list.push(2);
    metadata.actor = "changed";

    expect(prepared?.events).toMatchObject([{ data: { list: [1] }, metadata: { actor: "ada" } }]);
  });

  it.each<[string, string, readonly Write[]]>([
    ["no writes", "ES_CONFIGURATION", []],
    ["no events", "ES_CONFIGURATION", [write({ events: [] })]],
    ["a stream twice", "ES_CONFIGURATION", [write(), write()]],
    ["an empty stream id", "ES_CONFIGURATION", [write({ streamId: "" })]],
    ["a version below 0", "ES_CONFIGURATION", [write({ expected: -1 })]],
    ["half a version", "ES_CONFIGURATION", [write({ expected: 0.5 })]],
    [
      "too many events",
      "ES_APPEND_TOO_LARGE",
      [write({ events: Array.from({ length: 4 }, () => ({ type: "Opened", data: {} })) })],
    ],
    ["an empty type", "ES_INVALID_EVENT", [write({ events: [{ type: "", data: {} }] })]],
    ["an id that is no UUID", "ES_INVALID_EVENT", [write({ events: [{ id: "1", type: "Opened", data: {} }] })]],
    [
      "an id in capitals",
      "ES_INVALID_EVENT",
      [write({ events: [{ id: id.toUpperCase(), type: "Opened", data: {} }] })],
    ],
    [
      "an id twice in a write",
      "ES_INVALID_EVENT",
      [
        write({
          events: [
            { id, type: "A", data: {} },
            { id, type: "B", data: {} },
          ],
        }),
      ],
    ],
    [
      "an id twice over two writes",
      "ES_INVALID_EVENT",
      [
        write({ events: [{ id, type: "A", data: {} }] }),
        write({ streamId: "b-1", events: [{ id, type: "A", data: {} }] }),
      ],
    ],
    ["data that is not JSON", "ES_INVALID_EVENT", [write({ events: [{ type: "Opened", data: new Date() }] })]],
    ["no data", "ES_INVALID_EVENT", [write({ events: [{ type: "Opened", data: undefined }] })]],
    [
      "metadata that is not JSON",
      "ES_INVALID_EVENT",
      [write({ events: [{ type: "Opened", data: {}, metadata: { n: Number.NaN } }] })],
    ],
    ["an empty tag", "ES_INVALID_EVENT", [write({ events: [{ type: "Opened", data: {}, tags: [""] }] })]],
  ])("refuses %s", (_name, code, writes) => {
    expect(() => prepareAppend(writes, capabilities)).toThrow(expect.objectContaining({ code }));
    expect(() => prepareTextAppend(writes, capabilities)).toThrow(expect.objectContaining({ code }));
  });

  it("refuses what the store cannot do, with its reason", () => {
    const poor = new FakeEventStore({
      atomicStreams: 1,
      conditions: "none",
      gaps: { atomicStreams: "one file per stream", conditions: "no index for tags" },
    }).capabilities;

    expect(() => prepareAppend([write(), write({ streamId: "b-1" })], poor)).toThrow("one file per stream");
    expect(() => prepareAppend(write({ events: [{ type: "Opened", data: {}, tags: ["x"] }] }), poor)).toThrow(
      "no index for tags",
    );
  });
});

describe("prepareTextAppend", () => {
  it("makes data and metadata text, and metadata null when there is none", () => {
    const [prepared] = prepareTextAppend(
      write({
        events: [
          { type: "Opened", data: { a: 1, b: undefined }, metadata: { actor: "ada" } },
          { type: "Closed", data: [-0], metadata: {} },
          { type: "Archived", data: "" },
        ],
      }),
      capabilities,
    );

    expect(prepared?.events).toMatchObject([
      { data: '{"a":1}', metadata: '{"actor":"ada"}' },
      { data: "[0]", metadata: null },
      { data: '""', metadata: null },
    ]);
  });
});

describe("an expected version", () => {
  it.each<[ExpectedVersion, readonly number[]]>([
    ["any", [0, 1, 2]],
    ["no-stream", [0]],
    ["stream-exists", [1, 2]],
    [0, [0]],
    [1, [1]],
  ])("%s is met by the versions %j", (expected, versions) => {
    expect([0, 1, 2].filter((actual) => meetsExpectedVersion(expected, actual))).toEqual(versions);
  });

  it("names the place of a retry or none", () => {
    expect((["no-stream", 0, 7, "any", "stream-exists"] as const).map(versionBefore)).toEqual([
      0,
      0,
      7,
      undefined,
      undefined,
    ]);
  });
});
