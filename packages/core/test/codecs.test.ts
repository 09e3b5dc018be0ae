import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  aesGcmCodec,
  CodecError,
  type CodecContext,
  combineCodecs,
  ConfigurationError,
  createAesGcmKey,
  createRepository,
  deflateCodec,
  type EventCodec,
  everyNEvents,
  InvalidEventError,
  type JsonValue,
  streamEvents,
  withCodec,
} from "../src/index.ts";
import { Counter, Tally } from "./counter.ts";
import { FakeEventStore, type FakeTx } from "./fake-event-store.ts";

const context: CodecContext = { streamId: "account-1", type: "Opened" };
const key = createAesGcmKey();
const aes = aesGcmCodec({ key });
const deflate = deflateCodec({ minBytes: 0 });
const both = combineCodecs(deflate, aes);

const jsonValues = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.string({ unit: "binary" }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 4 }),
  ),
})).value;

describe.each<[string, EventCodec]>([
  ["deflate", deflate],
  ["deflate from a size on", deflateCodec({ minBytes: 40 })],
  ["aes-gcm", aes],
  ["deflate+aes-gcm", both],
])("%s", (_name, codec) => {
  it("decodes what it encoded", async () => {
    await fc.assert(
      fc.asyncProperty(jsonValues, async (data) => {
        const stored: JsonValue = JSON.parse(JSON.stringify(await codec.encode(data, context)));

        expect(await codec.decode(stored, context)).toEqual(JSON.parse(JSON.stringify(data)));
      }),
      { numRuns: 60 },
    );
  });

  it("decodes a megabyte", async () => {
    const data = { text: "Grüße ".repeat(200_000) };

    expect(await codec.decode(await codec.encode(data, context), context)).toEqual(data);
  });
});

describe("deflateCodec", () => {
  it("leaves short data and data that would grow as it is", async () => {
    const random = createAesGcmKey();

    expect(await deflateCodec().encode({ a: 1 }, context)).toEqual({ plain: { a: 1 } });
    expect(await deflate.encode(random, context)).toEqual({ plain: random });
  });

  it("makes repetitive data smaller", async () => {
    const data = { lines: Array.from({ length: 200 }, () => "the same line again") };

    expect(JSON.stringify(await deflate.encode(data, context)).length).toBeLessThan(JSON.stringify(data).length / 10);
  });

  it.each<[JsonValue]>([["text"], [null], [{ other: 1 }], [[]], [{ deflate: 7 }]])("refuses %j", async (data) => {
    await expect(async () => await deflate.decode(data, context)).rejects.toBeInstanceOf(CodecError);
  });
});

describe("aesGcmCodec", () => {
  it.each([16, 24, 32] as const)("takes a key of %i bytes", async (bytes) => {
    const codec = aesGcmCodec({ key: createAesGcmKey(bytes) });

    expect(await codec.decode(await codec.encode({ a: 1 }, context), context)).toEqual({ a: 1 });
  });

  it.each([0, 1, 15, 17, 31, 33, 64])("refuses a key of %i bytes", (bytes) => {
    expect(() => aesGcmCodec({ key: Buffer.alloc(bytes).toString("base64") })).toThrow(ConfigurationError);
  });

  it("refuses a key that is not base64, without showing it", () => {
    const secret = "correct horse battery staple!";

    expect(() => aesGcmCodec({ key: secret })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("horse") }),
    );
    expect(() => aesGcmCodec({ key: secret })).toThrow(ConfigurationError);
  });

  it("never encrypts the same data to the same text", async () => {
    expect(await aes.encode({ a: 1 }, context)).not.toEqual(await aes.encode({ a: 1 }, context));
  });

  it("shows nothing of the data", async () => {
    expect(JSON.stringify(await aes.encode({ name: "Lovelace" }, context))).not.toContain("Lovelace");
  });
});

async function encodedStore(codec: EventCodec): Promise<FakeEventStore> {
  const store = new FakeEventStore();
  await withCodec(store, codec).append({
    streamId: "account-1",
    expected: "no-stream",
    events: [{ type: "Opened", data: { owner: "Ada" } }],
  });
  return store;
}

async function firstData(
  store: FakeEventStore,
  codec: EventCodec,
  options?: Parameters<typeof withCodec>[2],
): Promise<JsonValue | undefined> {
  for await (const event of streamEvents(withCodec(store, codec, options), "account-1")) return event.data;
  return undefined;
}

/** The one member `data` of the stored envelope. */
function sealedText(store: FakeEventStore): string {
  return expectText(Object.entries(store.log[0]?.data ?? {}).find(([name]) => name === "data")?.[1]);
}

function expectText(value: unknown): string {
  if (typeof value !== "string") throw new Error("not a text");
  return value;
}

describe("damaged data", () => {
  it("fails for every byte that is changed", async () => {
    const store = await encodedStore(aes);
    const bytes = Buffer.from(sealedText(store), "base64");

    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      store.tamper(0, { data: { $codec: "aes-gcm", data: changed.toString("base64") } });

      await expect(firstData(store, aes)).rejects.toBeInstanceOf(CodecError);
    }
  });

  it("fails for every length it is cut to", async () => {
    const store = await encodedStore(aes);
    const bytes = Buffer.from(sealedText(store), "base64");

    for (let length = 0; length < bytes.length; length += 1) {
      store.tamper(0, { data: { $codec: "aes-gcm", data: bytes.subarray(0, length).toString("base64") } });

      await expect(firstData(store, aes)).rejects.toBeInstanceOf(CodecError);
    }
  });

  it.each(["not base64!", "", 7, null, { a: 1 }])("fails when it is %j", async (data) => {
    const store = await encodedStore(aes);
    store.tamper(0, { data: { $codec: "aes-gcm", data } });

    await expect(firstData(store, aes)).rejects.toBeInstanceOf(CodecError);
  });

  it("fails with another key, keeping the cause", async () => {
    const other = aesGcmCodec({ key: createAesGcmKey() });

    await expect(firstData(await encodedStore(aes), other)).rejects.toMatchObject({
      code: "ES_CODEC",
      cause: expect.anything(),
    });
  });

  it("fails when deflated data is cut", async () => {
    const codec = deflateCodec({ minBytes: 0 });
    const store = new FakeEventStore();
    await withCodec(store, codec).append({
      streamId: "account-1",
      expected: 0,
      events: [{ type: "Opened", data: "a".repeat(500) }],
    });
    store.tamper(0, { data: { $codec: "deflate", data: { deflate: "S0wcBQ==" } } });

    await expect(firstData(store, codec)).rejects.toBeInstanceOf(CodecError);
  });

  it("fails when it was moved to another stream or type", async () => {
    const store = await encodedStore(aes);
    store.tamper(0, { type: "Closed" });
    await expect(firstData(store, aes)).rejects.toBeInstanceOf(CodecError);

    const moved = await encodedStore(aes);
    moved.tamper(0, { streamId: "account-2" });
    await expect(async () => {
      for await (const event of streamEvents(withCodec(moved, aes), "account-2")) return event;
      return undefined;
    }).rejects.toBeInstanceOf(CodecError);
  });

  it("fails when another codec wrote it, naming both", async () => {
    await expect(firstData(await encodedStore(both), aes)).rejects.toThrow(
      'stored with codec "deflate+aes-gcm", not "aes-gcm"',
    );
  });
});

describe("withCodec", () => {
  it("encodes data, and leaves type, metadata and tags readable", async () => {
    const store = new FakeEventStore();
    const encoded = withCodec(store, aes);
    const event = { type: "Opened", data: { owner: "Ada" }, metadata: { actor: "ada" }, tags: ["account:1"] };

    await encoded.append({ streamId: "account-1", expected: 0, events: [event] });

    expect(store.log[0]).toMatchObject({ type: "Opened", metadata: { actor: "ada" }, tags: ["account:1"] });
    expect(store.log[0]?.data).toEqual({ $codec: "aes-gcm", data: expect.any(String) });
    for await (const page of encoded.readAll()) expect(page.events).toMatchObject([event]);
  });

  it("applies combined codecs in order and reverses them", async () => {
    const store = await encodedStore(combineCodecs(deflate, aes));

    expect(await firstData(store, both)).toEqual({ owner: "Ada" });
    expect(store.log[0]?.data).toMatchObject({ $codec: "deflate+aes-gcm" });
    await expect(firstData(store, combineCodecs(aes, deflate))).rejects.toBeInstanceOf(CodecError);
  });

  it("refuses plain data unless it is accepted", async () => {
    const store = new FakeEventStore();
    await store.append({ streamId: "account-1", expected: 0, events: [{ type: "Opened", data: { owner: "Ada" } }] });

    await expect(firstData(store, aes)).rejects.toThrow('pass { plainData: "accept" }');
    expect(await firstData(store, aes, { plainData: "accept" })).toEqual({ owner: "Ada" });
  });

  it("keeps user data that looks like its envelope", async () => {
    const store = new FakeEventStore();
    const data = { $codec: "aes-gcm", data: "not encrypted" };
    await withCodec(store, aes).append({ streamId: "account-1", expected: 0, events: [{ type: "Opened", data }] });

    expect(await firstData(store, aes)).toEqual(data);
  });

  it("refuses data that is not JSON before anything is stored", async () => {
    const store = new FakeEventStore();
    const append = withCodec(store, aes).append({
      streamId: "a-1",
      expected: 0,
      events: [{ type: "Opened", data: { n: 1n } }],
    });

    await expect(append).rejects.toBeInstanceOf(InvalidEventError);
    expect(store.log).toEqual([]);
  });

  it("refuses what every store refuses, with the same errors", async () => {
    const encoded = withCodec(new FakeEventStore(), deflate);
    const event = { type: "Opened", data: {} };

    for (const write of [
      { streamId: "", expected: 0, events: [event] },
      { streamId: "a-1", expected: -1, events: [event] },
      { streamId: "a-1", expected: 0, events: [] },
    ]) {
      await expect(encoded.append(write)).rejects.toBeInstanceOf(ConfigurationError);
    }
    await expect(encoded.registers.set("key", "half a pair: \ud800")).rejects.toBeInstanceOf(ConfigurationError);
    await expect(encoded.registers.set("", "value")).rejects.toBeInstanceOf(ConfigurationError);
  });

  it("keeps the transactions of a store that has them", async () => {
    const store = new FakeEventStore();
    const transactional = Object.assign(store, {
      transaction: <Result>(work: (tx: FakeTx) => Promise<Result>) => work({ name: "tx" }),
    });

    const result = await withCodec(transactional, aes).transaction(async ({ name }) => name);

    expect(result).toBe("tx");
  });

  it("keeps a retried append recognisable", async () => {
    const store = new FakeEventStore();
    const write = { streamId: "a-1", expected: 0, events: [{ id: crypto.randomUUID(), type: "Opened", data: {} }] };

    await withCodec(store, aes).append(write);

    expect(await withCodec(store, aes).append(write)).toMatchObject({ duplicate: true });
  });

  it("keeps calls in the order in which they were made, however long their encoding takes", async () => {
    const slow = Promise.withResolvers<void>();
    const codec: EventCodec = {
      name: "slow",
      async encode(data) {
        if (data === "slow") await slow.promise;
        if (data === "bad") throw new Error("cannot encode");
        return data;
      },
      decode: (data) => data,
    };
    const store = withCodec(new FakeEventStore(), codec);
    const append = (data: string) =>
      store.append({ streamId: "a-1", expected: "any", events: [{ type: "Said", data }] });

    const calls = ["slow", "bad", "quick"].map(append);
    const registers = [store.registers.set("k", "slow"), store.registers.set("k", "quick")];
    await expect(calls[1]).rejects.toMatchObject({ cause: { message: "cannot encode" } });
    slow.resolve();
    await Promise.all([calls[0], calls[2], ...registers]);

    const stored: unknown[] = [];
    for await (const { data } of streamEvents(store, "a-1")) stored.push(data);
    expect(stored).toStrictEqual(["slow", "quick"]);
    expect((await store.registers.get("k"))?.value).toBe("quick");
  });

  it("gives up encoding that takes too long, or when the signal aborts, and lets later calls pass", async () => {
    const codec: EventCodec = {
      name: "stuck",
      encode: (data) => (data === "stuck" ? new Promise(() => undefined) : data),
      decode: (data) => data,
    };
    const inner = new FakeEventStore();
    const store = withCodec(inner, codec, { timeoutMs: 50 });
    const append = (data: string, signal?: AbortSignal) =>
      store.append(
        { streamId: "a-1", expected: "any", events: [{ type: "Said", data }] },
        signal === undefined ? {} : { signal },
      );
    const abort = new AbortController();

    const verdicts = Promise.allSettled([append("stuck"), append("stuck", abort.signal), append("a"), append("b")]);
    abort.abort(new Error("enough"));

    expect(await verdicts).toMatchObject([
      { reason: { code: "ES_CODEC", message: expect.stringContaining("in 50 ms") } },
      { reason: { code: "ES_ABORTED", cause: { message: "enough" } } },
      { status: "fulfilled" },
      { status: "fulfilled" },
    ]);
    expect(inner.log).toHaveLength(2);
  });

  it("explains a codec that throws", async () => {
    const codec: EventCodec = {
      name: "strict",
      encode() {
        throw new TypeError("no key");
      },
      decode: (data) => data,
    };
    const store = withCodec(new FakeEventStore(), codec);

    await expect(
      store.append({ streamId: "a-1", expected: "any", events: [{ type: "Said", data: {} }] }),
    ).rejects.toMatchObject({
      code: "ES_CODEC",
      cause: { message: "no key" },
      message: expect.stringContaining("strict"),
    });
  });

  it("encodes registers, whatever text they hold", async () => {
    const store = new FakeEventStore();
    const { registers } = withCodec(store, both);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (value) => {
        await registers.set("key", value);

        expect((await registers.get("key"))?.value).toBe(value);
        expect(store.values.get("key")?.value).toContain('"$codec":"deflate+aes-gcm"');
      }),
      { numRuns: 30 },
    );
  });

  it("reads plain registers when plain data is accepted", async () => {
    const store = new FakeEventStore();
    store.put("text", "not JSON");
    store.put("json", '{"a":1}');
    const accepting = withCodec(store, aes, { plainData: "accept" }).registers;

    expect((await accepting.get("text"))?.value).toBe("not JSON");
    expect((await accepting.get("json"))?.value).toBe('{"a":1}');
    await expect(withCodec(store, aes).registers.get("text")).rejects.toBeInstanceOf(CodecError);
  });

  it("encodes snapshots and loads from them", async () => {
    const store = new FakeEventStore();
    const counters = createRepository(withCodec(store, aes), Counter, { snapshots: { policy: everyNEvents(1) } });
    await counters.execute("a", { type: "Open", data: { label: "Lovelace" } });
    store.calls = [];

    expect((await counters.load("a")).state.label).toBe("Lovelace");
    expect(store.values.get("snapshot:counter-a")?.value).not.toContain("Lovelace");
    expect(store.calls).toMatchObject([{ method: "get" }, { method: "readStream", options: { from: 1 } }]);
  });

  it("replays when a snapshot was written with another key", async () => {
    const store = new FakeEventStore();
    const snapshots = { policy: everyNEvents(1) };
    const old = createRepository(withCodec(store, aes), Tally, { snapshots });
    const tally = old.create("a");
    tally.execute({ type: "Add", data: { amounts: [1] } });
    await old.save(tally);
    const { value } = store.values.get("snapshot:tally-a") ?? { value: "" };
    store.put("snapshot:tally-a", value.replace(/"data":".{8}/, '"data":"AAAAAAAA'));

    expect((await old.load("a")).state.total).toBe(1);
  });
});
