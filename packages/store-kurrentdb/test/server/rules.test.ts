import { isEventSourcingError } from "@es/core";
import { collect, readLog, writeOf } from "test-helpers";
import { describe, expect, it } from "vitest";
import { open, serversUnderTest } from "./under-test.ts";

async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    return isEventSourcingError(error) ? `${error.code}: ${error.message}` : String(error);
  }
}

const versionsOf = (events: readonly { readonly version: number }[]): readonly number[] =>
  events.map(({ version }) => version);

const servers = await serversUnderTest();
const withSeveralStreams = servers.filter(({ hasSeveralStreams }) => hasSeveralStreams);
const withoutSeveralStreams = servers.filter(({ hasSeveralStreams }) => !hasSeveralStreams);
const withoutStreamChecks = servers.filter(({ hasStreamChecks }) => !hasStreamChecks);
const withStreamChecks = servers.filter(({ hasStreamChecks }) => hasStreamChecks);

describe.each(servers)("on $label, streams that other tools have cut", (server) => {
  it("keep the versions of what is left when they were truncated", async () => {
    await using opened = await open(server);
    const { store, client, stream } = opened;
    await store.append(writeOf("a-1", 0, 6));
    await client.setStreamMetadata(stream("a-1"), { truncateBefore: 4 });

    expect(versionsOf(await collect(store.readStream("a-1")))).toStrictEqual([5, 6]);
    expect(versionsOf(await collect(store.readStream("a-1", { direction: "backward" })))).toStrictEqual([6, 5]);
    expect(versionsOf(await collect(store.readStream("a-1", { to: 5, pageSize: 1 })))).toStrictEqual([5]);
    expect((await store.append(writeOf("a-1", 6))).versions).toStrictEqual([7]);
    expect((await store.append(writeOf("a-1", "stream-exists"))).versions).toStrictEqual([8]);
    expect(await failureOf(store.append(writeOf("a-1", "no-stream")))).toMatch(/^ES_CONCURRENCY/);
  });

  it("are shown as far as they are kept when they keep a number of events", async () => {
    await using opened = await open(server);
    const { store, client, stream } = opened;
    await client.setStreamMetadata(stream("a-1"), { maxCount: 2 });
    for (let n = 0; n < 5; n += 1) await store.append(writeOf("a-1", n));

    expect(versionsOf(await collect(store.readStream("a-1")))).toStrictEqual([4, 5]);
    expect((await store.append(writeOf("a-1", "any", 3))).versions).toStrictEqual([8]);
  });

  it("take an append without an expectation when nothing is left of them, and go on counting", async () => {
    await using opened = await open(server);
    const { store, client, stream } = opened;
    await store.append(writeOf("a-1", 0, 3));
    await client.setStreamMetadata(stream("a-1"), { truncateBefore: 3 });

    expect(await collect(store.readStream("a-1"))).toStrictEqual([]);
    expect((await store.append(writeOf("a-1", 3))).versions).toStrictEqual([4]);
    expect((await store.append(writeOf("a-1", "any"))).versions).toStrictEqual([5]);
    expect(versionsOf(await collect(store.readStream("a-1")))).toStrictEqual([4, 5]);
  });

  it("are empty when they were deleted, and go on counting when they are written again", async () => {
    await using opened = await open(server);
    const { store, client, stream } = opened;
    await store.append(writeOf("a-1", 0, 4));
    await client.deleteStream(stream("a-1"));

    expect(await collect(store.readStream("a-1"))).toStrictEqual([]);
    expect(await failureOf(store.append(writeOf("a-1", "stream-exists")))).toMatch(/^ES_CONCURRENCY/);
    const anew = writeOf("a-1", "no-stream", 2);
    const first = await store.append(anew);
    expect(first.versions).toStrictEqual([6]);
    expect(await store.append(anew)).toStrictEqual({ ...first, duplicate: true });
    expect((await store.append(writeOf("a-1", "any"))).versions).toStrictEqual([7]);
    expect(versionsOf(await collect(store.readStream("a-1")))).toStrictEqual([5, 6, 7]);
  });

  it("are empty and take nothing when they were deleted for good", async () => {
    await using opened = await open(server);
    const { store, client, stream } = opened;
    await store.append(writeOf("a-1", 0, 2));
    await client.tombstoneStream(stream("a-1"));

    expect(await collect(store.readStream("a-1"))).toStrictEqual([]);
    for (const expected of [2, "any", "no-stream"] as const) {
      expect(await failureOf(store.append(writeOf("a-1", expected)))).toMatch(/^ES_UNSUPPORTED: .*tombstoned/);
    }
  });
});

describe.each(servers)("on $label, a repeated append", (server) => {
  it("is recognised for as long as its events are in the log, also when another store makes it", async () => {
    await using opened = await open(server);
    await using other = await open(server, { name: opened.name });
    const write = writeOf("a-1", 0, 3);
    const first = await opened.store.append(write);
    await opened.store.append(writeOf("a-1", 3, 200));

    expect(await opened.store.append(write)).toStrictEqual({ ...first, duplicate: true });
    expect(await other.store.append(write)).toMatchObject({ versions: [3], position: first.position });
    const [head, , ...others] = writeOf("a-1", 0, 3).events;
    const changed = { ...write, events: [write.events[0] ?? head, ...others].flatMap((event) => event ?? []) };
    expect(await failureOf(opened.store.append(changed))).toMatch(/^ES_CONCURRENCY/);
    expect(await readLog(opened.store)).toHaveLength(203);
  });

  it("is recognised when its events are hidden by now, and given a place that a reader reaches", async () => {
    await using opened = await open(server);
    const { store, client, stream } = opened;
    const cut = writeOf("a-1", 0, 2);
    const deleted = writeOf("b-1", 0, 2);
    const firsts = [await store.append(cut), await store.append(deleted)];
    await store.append(writeOf("a-1", 2));
    await client.setStreamMetadata(stream("a-1"), { truncateBefore: 2 });
    await client.deleteStream(stream("b-1"));
    const head = await store.head();

    for (const [index, again] of [await store.append(cut), await store.append(deleted)].entries()) {
      expect(again.versions).toStrictEqual(firsts[index]?.versions);
      expect(again.position >= (firsts[index]?.position ?? "")).toBe(true);
      expect(again.position <= head).toBe(true);
    }
    expect(await readLog(store)).toHaveLength(5);
  });
});

describe.each(withSeveralStreams)("on $label, an append over several streams", (server) => {
  it("is recognised when it is made again, also where a stream was deleted before, or its events are hidden", async () => {
    await using opened = await open(server);
    const { store, client, stream } = opened;
    await store.append(writeOf("a-1", 0, 4));
    await client.deleteStream(stream("a-1"));
    const writes = [writeOf("a-1", "no-stream", 2), writeOf("b-1", 0, 2)];
    const first = await store.append(writes);
    expect(first.versions).toStrictEqual([6, 2]);
    expect(await store.append(writes)).toStrictEqual({ ...first, duplicate: true });

    const cut = [writeOf("c-1", 0, 2), writeOf("d-1", 0, 1)];
    const firstOfCut = await store.append(cut);
    await store.append([writeOf("c-1", 2), writeOf("d-1", 1)]);
    for (const streamId of ["c-1", "d-1"]) await client.setStreamMetadata(stream(streamId), { truncateBefore: 2 });
    const again = await store.append(cut);
    expect(again.versions).toStrictEqual(firstOfCut.versions);
    expect(again.position >= firstOfCut.position && again.position <= (await store.head())).toBe(true);
  });

  it("is refused whole when one stream is a repetition and the other is not", async () => {
    await using opened = await open(server);
    const { store } = opened;
    const stored = writeOf("a-1", 0, 2);
    await store.append(stored);

    for (const other of [writeOf("b-1", 0), writeOf("b-1", "any")]) {
      expect(await failureOf(store.append([stored, other]))).toMatch(/^ES_CONCURRENCY/);
    }
    expect(await readLog(store)).toHaveLength(2);
  });

  it("is refused whole when one stream is tombstoned, or when two differ in case alone", async () => {
    await using opened = await open(server);
    const { store, client, stream } = opened;
    await store.append(writeOf("a-1", 0));
    await client.tombstoneStream(stream("a-1"));

    expect(await failureOf(store.append([writeOf("b-1"), writeOf("a-1", 1)]))).toMatch(/^ES_UNSUPPORTED: .*tombstoned/);
    expect(await failureOf(store.append([writeOf("b-Ä"), writeOf("b-ä")]))).toMatch(/^ES_UNSUPPORTED: .*case/);
    expect(await readLog(store)).toHaveLength(1);
    expect((await store.append([writeOf("b-ß", 0), writeOf("b-ss", 0)])).versions).toStrictEqual([1, 1]);
  });

  it("takes not every type of an event, and says so", async () => {
    await using opened = await open(server);
    const { store } = opened;
    const odd = { streamId: "a-1", expected: 0, events: [{ type: "order placed", data: 1 }] } as const;

    expect(await failureOf(store.append([odd, writeOf("b-1", 0)]))).toMatch(/^ES_CONFIGURATION/);
    expect((await store.append(odd)).versions).toStrictEqual([1]);
    expect(await readLog(store)).toHaveLength(1);
  });
});

describe.each(withStreamChecks)("on $label, an append that depends on other streams", (server) => {
  it("happens while those are in the states that were named, and names the one that is not", async () => {
    await using opened = await open(server);
    const { store } = opened;
    await store.append(writeOf("course-1", 0, 3));
    const ifStreams = [
      { streamId: "course-1", expected: 3 },
      { streamId: "student-1", expected: "no-stream" },
    ] as const;

    expect(await store.append(writeOf("enrolment-1", 0, 2), { ifStreams })).toMatchObject({ versions: [2] });
    expect((await store.append([writeOf("b-1"), writeOf("c-1", 0)], { ifStreams })).versions).toStrictEqual([1, 1]);
    await store.append(writeOf("course-1", 3));

    await expect(store.append(writeOf("enrolment-1", 2), { ifStreams })).rejects.toMatchObject({
      code: "ES_CONCURRENCY",
      streamId: "course-1",
      expected: 3,
      actual: 4,
    });
    const exists = [{ streamId: "student-1", expected: "stream-exists" }] as const;
    expect(await failureOf(store.append(writeOf("enrolment-1", 2), { ifStreams: exists }))).toMatch(/^ES_CONCURRENCY/);
    expect(await collect(store.readStream("enrolment-1"))).toHaveLength(2);
  });

  it("is recognised when it is made again, whatever became of the stream that was checked", async () => {
    await using opened = await open(server);
    const { store } = opened;
    const write = writeOf("a-1", 0, 2);
    const ifStreams = [{ streamId: "b-1", expected: "no-stream" }] as const;
    const first = await store.append(write, { ifStreams });
    expect(await store.append(write, { ifStreams })).toStrictEqual({ ...first, duplicate: true });
    await store.append(writeOf("b-1"));

    expect(await store.append(write, { ifStreams })).toStrictEqual({ ...first, duplicate: true });
    expect(await readLog(store)).toHaveLength(3);
  });

  it("is refused when a stream that it checks or writes is tombstoned", async () => {
    await using opened = await open(server);
    const { store, client, stream } = opened;
    await store.append(writeOf("a-1", 0));
    await client.tombstoneStream(stream("a-1"));

    const check = [{ streamId: "b-1", expected: "no-stream" }] as const;
    expect(await failureOf(store.append(writeOf("a-1", 1), { ifStreams: check }))).toMatch(/^ES_UNSUPPORTED/);
    const checkGone = [{ streamId: "a-1", expected: 1 }] as const;
    expect(await failureOf(store.append(writeOf("c-1", 0), { ifStreams: checkGone }))).toMatch(/^ES_UNSUPPORTED/);
    expect(await readLog(store)).toHaveLength(1);
  });
});

// Where these names show up in the report, the tests above did not run: the server has nothing that they could test.
describe.each(withoutSeveralStreams)("on $label, which is before 25.1, an append over several streams", (server) => {
  it("is refused with the reason, and not tested further", async () => {
    await using opened = await open(server);
    const { store } = opened;

    expect(await failureOf(store.append([writeOf("a-1"), writeOf("b-1")]))).toMatch(
      /^ES_UNSUPPORTED: .*KurrentDB 25.1/,
    );
    expect(await readLog(store)).toStrictEqual([]);
  });
});

describe.each(withoutStreamChecks)(
  "on $label, which is before 26.1, an append that depends on other streams",
  (server) => {
    it("is refused with the reason, and not tested further", async () => {
      await using opened = await open(server);
      const { store } = opened;
      const ifStreams = [{ streamId: "b-1", expected: "no-stream" }] as const;

      expect(await failureOf(store.append(writeOf("a-1"), { ifStreams }))).toMatch(/^ES_UNSUPPORTED: .*KurrentDB 26.1/);
      expect(await readLog(store)).toStrictEqual([]);
    });
  },
);
