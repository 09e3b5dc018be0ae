import { describe, expect, it } from "vitest";
import { createQuickAck } from "../src/quick-ack.ts";

describe("the quick acknowledgement", () => {
  it.each([1, 2, 5, 9, 10, 1_000])("comes between frames only, however they are cut (%i bytes at once)", (size) => {
    const frames = [frame(0, 4), frame(300, 1), frame(0, 1), frame(70_000, 0), frame(8, 6)];
    const bytes = Buffer.concat(frames);
    const ends = new Set(frames.map((_, index) => Buffer.concat(frames.slice(0, index + 1)).length));
    const quickAck = createQuickAck();
    const wrong: number[] = [];
    const free: number[] = [];

    for (let start = 0; start < bytes.length; start += size) {
      const sent = Math.min(start + size, bytes.length);
      quickAck.watch(bytes.subarray(start, sent));
      if ((quickAck.answer() !== undefined) !== ends.has(sent)) wrong.push(sent);
      if (quickAck.answer() !== undefined) free.push(sent);
    }

    expect(wrong).toEqual([]);
    expect(free.at(-1)).toBe(bytes.length);
  });

  it("waits for the first frame of the server", () => {
    expect(createQuickAck().answer()).toBeUndefined();
  });

  it("is a window update of the whole connection by one byte", () => {
    const quickAck = createQuickAck();
    quickAck.watch(frame(0, 4));

    const answer = quickAck.answer();

    expect(answer?.readUIntBE(0, 3)).toBe(4);
    expect(answer?.[3]).toBe(8);
    expect(answer?.readUInt32BE(5)).toBe(0);
    expect(answer?.readUInt32BE(9)).toBe(1);
    expect(answer).toHaveLength(13);
  });
});

function frame(payloadBytes: number, type: number): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payloadBytes, 0, 3);
  header[3] = type;
  return Buffer.concat([header, Buffer.alloc(payloadBytes, 7)]);
}
