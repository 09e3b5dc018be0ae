import { describe, expect, it } from "vitest";
import { sizeOf, toOutgoing, toRecorded } from "./event-mapping.ts";
import type { IncomingEvent } from "./kurrent-client.ts";
import { StoreNames } from "./names.ts";

const names = new StoreNames(undefined);
const FOREIGN: IncomingEvent = {
  streamId: "order-1",
  id: "AAAAAAAA-0000-4000-8000-000000000001",
  revision: 4n,
  type: "OrderPlaced",
  isJson: true,
  data: { total: 3 },
  metadata: { $correlationId: "c" },
  created: new Date(1_700_000_000_999),
  position: { commit: 9n, prepare: 8n },
};

const EPOCH = new Date(0).toISOString();

describe("events", () => {
  it("of other clients are read with the version that follows from their revision", () => {
    expect(toRecorded(FOREIGN, names)).toStrictEqual({
      id: "aaaaaaaa-0000-4000-8000-000000000001",
      streamId: "order-1",
      version: 5,
      position: "00000000000000000009.00000000000000000008",
      type: "OrderPlaced",
      data: { total: 3 },
      metadata: { correlationId: "c" },
      tags: [],
      recordedAt: 1_700_000_000_000,
    });
  });

  it("that are not JSON are read as base64", () => {
    const recorded = toRecorded({ ...FOREIGN, isJson: false, data: Buffer.from("hello"), metadata: undefined }, names);

    expect(recorded).toMatchObject({ data: { base64: "aGVsbG8=" }, metadata: {} });
  });

  it("of the server, of registers and behind a link that leads nowhere are none", () => {
    for (const other of [undefined, { ...FOREIGN, type: "$>" }, { ...FOREIGN, streamId: "$streams" }]) {
      expect(toRecorded(other, names)).toBeUndefined();
    }
  });

  it("without a position are refused, naming the server's version that is needed", () => {
    const { position: _, ...unplaced } = FOREIGN;
    const old = { ...FOREIGN, position: { commit: 0xff_ff_ff_ff_ff_ff_ff_ffn, prepare: 0xff_ff_ff_ff_ff_ff_ff_ffn } };

    for (const event of [unplaced, old]) expect(() => toRecorded(event, names)).toThrow("23.10 or later is needed");
  });

  it("are sent as plain JSON with their own type and time", () => {
    const event = { id: "i", type: "$odd", data: { a: [1] }, metadata: {}, tags: [] };

    expect(toOutgoing(event, EPOCH)).toStrictEqual({
      id: "i",
      type: "~$odd",
      contentType: "application/json",
      data: { a: [1] },
      metadata: { "es.recordedAt": "1970-01-01T00:00:00.000Z" },
    });
  });

  it("are counted as the server does: data, metadata, and two bytes for each character of the type", () => {
    const event = { id: "i", type: "abc", data: "é", metadata: {}, tags: [] };

    expect(sizeOf(toOutgoing(event, EPOCH))).toBe(4 + '{"es.recordedAt":"1970-01-01T00:00:00.000Z"}'.length + 6);
  });
});
