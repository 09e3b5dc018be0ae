import { expect } from "vitest";
import type { ConformanceCase } from "../conformance-case.ts";
import { happened, idsOf, untyped, writeOf } from "../new-events.ts";
import { collect, readLog, readStream, streamIds } from "../reading.ts";
import { expectEmpty, expectRefusal } from "../refusal.ts";

/** Names that some backend would take for syntax, fold together or cut off. All are different from each other. */
const ODD_NAMES: readonly string[] = [
  "a-1",
  "A-1",
  "a-1 ",
  " a-1",
  "a-1.",
  "a.b-c.d",
  "a--1",
  "-1",
  "a-",
  "-",
  "nodash",
  "a-1-2",
  "a_1",
  "a%1",
  "a%-_",
  "%",
  "_",
  "*",
  ">",
  "a.*",
  "a.>",
  "$all",
  "$ce-a",
  "a/b\\c",
  "../../etc",
  "a'b",
  'a"b',
  "a`b",
  "'; DROP TABLE events; --",
  "a?b=c&d#e",
  "{a}-[b]",
  "a:b;c,d",
  "a|b",
  "<a>",
  "null",
  "undefined",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "0",
  "00",
  "1e3",
  "NaN",
  "\t",
  "a\nb",
  "a\r\nb",
  "a b",
  "a  b",
  "a\u00a0b",
  "a\u200bb",
  "\ufeffa",
  "caf\u00e9-1",
  "cafe\u0301-1",
  "\u212b-1",
  "\u00c5-1",
  "straße-1",
  "strasse-1",
  "I-1",
  "i-1",
  "\u0130-1",
  "\u0131-1",
  "日本-語",
  "ניסוי-1",
  "👩‍👩‍👧‍👦-🎉",
  "\u{1f600}",
  "\uffff-1",
  "\u{10ffff}-1",
  "\u0001",
  "\u007f",
];
const LONGEST: readonly string[] = ["a".repeat(255), `b-${"\u00e9".repeat(126)}x`, `${"\u{1f600}".repeat(63)}abc`];
const BAD_NAMES: readonly unknown[] = [
  "",
  "a\u0000b",
  "\u0000",
  "a-\ud800",
  "\udc00-1",
  "a".repeat(256),
  "\u00e9".repeat(128),
  "\u{1f600}".repeat(64),
  undefined,
  null,
  42,
  {},
  ["a-1"],
];

/** Names of streams, types and categories: which are kept exactly, and which are refused. */
export const namesCases: readonly ConformanceCase[] = [
  {
    id: "names.odd-streams",
    rule: "stream ids of any Unicode are kept exactly, and no two different ones are the same stream",
    timeoutMs: 30_000,
    async run({ store }) {
      const writes = [...ODD_NAMES, ...LONGEST].map((streamId) => writeOf(streamId, "no-stream", 2));
      for (const write of writes) expect((await store.append(write)).versions, write.streamId).toStrictEqual([2]);

      for (const write of writes) {
        const events = await readStream(store, write.streamId);
        expect(events.map(({ id, streamId }) => ({ id, streamId }))).toStrictEqual(
          idsOf(write).map((id) => ({ id, streamId: write.streamId })),
        );
      }
      expect((await readLog(store)).map(({ streamId }) => streamId)).toStrictEqual(
        writes.flatMap(({ streamId }) => [streamId, streamId]),
      );
    },
  },
  {
    id: "names.case",
    rule: "stream ids that differ in case alone are different streams",
    async run({ store }) {
      await store.append(writeOf("User-a", "no-stream"));
      expect((await store.append(writeOf("user-a", "no-stream"))).versions).toStrictEqual([1]);
      expect((await store.append(writeOf("User-A", "no-stream"))).versions).toStrictEqual([1]);
      expect(await streamIds(store, "USER-A")).toStrictEqual([]);
    },
  },
  {
    id: "names.white-space",
    rule: "stream ids that differ in white space alone are different streams",
    async run({ store }) {
      for (const streamId of ["a-1", "a-1 ", " a-1", "a-1\n", "a-1  "]) {
        expect((await store.append(writeOf(streamId, "no-stream"))).versions).toStrictEqual([1]);
      }
    },
  },
  {
    id: "names.normalisation",
    rule: "stream ids that differ in their Unicode normal form are different streams",
    async run({ store }) {
      const [composed, decomposed] = [writeOf("caf\u00e9-1", "no-stream"), writeOf("cafe\u0301-1", "no-stream")];
      await store.append(composed);
      await store.append(decomposed);

      expect(await streamIds(store, composed.streamId)).toStrictEqual(idsOf(composed));
      expect(await streamIds(store, decomposed.streamId)).toStrictEqual(idsOf(decomposed));
    },
  },
  {
    id: "names.bad-streams",
    rule: "an empty stream id, one over 255 bytes, one with NUL or half a surrogate pair, and what is no text are refused",
    async run({ store }) {
      for (const name of BAD_NAMES) {
        const streamId = untyped<string>(name);
        await expectRefusal(store.append(writeOf(streamId, "any")), "ES_CONFIGURATION");
        await expectRefusal(collect(store.readStream(streamId)), "ES_CONFIGURATION");
      }

      await expectEmpty(store);
    },
  },
  {
    id: "names.odd-types",
    rule: "event types of any Unicode are kept exactly and filter exactly",
    async run({ store }) {
      const types = [...ODD_NAMES, ...LONGEST];
      for (const type of types)
        await store.append({ streamId: "a-1", expected: "any", events: [happened(1, { type })] });

      expect((await readStream(store, "a-1")).map(({ type }) => type)).toStrictEqual(types);
      for (const type of types) {
        expect((await readLog(store, { filter: { types: [type] } })).map((event) => event.type)).toStrictEqual([type]);
      }
    },
  },
  {
    id: "names.bad-types",
    rule: "event types that break the rules of names are refused",
    async run({ store }) {
      for (const type of BAD_NAMES) {
        const event = { ...happened(1), type: untyped<string>(type) };
        await expectRefusal(store.append({ streamId: "a-1", expected: "any", events: [event] }), "ES_INVALID_EVENT");
      }

      await expectEmpty(store);
    },
  },
  {
    id: "names.odd-categories",
    rule: "the category is the part before the first dash, and filters exactly",
    timeoutMs: 30_000,
    async run({ store }) {
      const categories = ODD_NAMES.filter((name) => !name.includes("-"));
      for (const category of categories) {
        await store.append(writeOf(category, "any"));
        await store.append(writeOf(`${category}-1`, "any"));
        await store.append(writeOf(`${category}-1-${category}`, "any"));
      }
      await store.append(writeOf("-1", "any"));

      for (const category of categories) {
        const found = (await readLog(store, { filter: { categories: [category] } })).map(({ streamId }) => streamId);
        expect(found).toStrictEqual([category, `${category}-1`, `${category}-1-${category}`]);
      }
    },
  },
  {
    id: "names.odd-tags",
    rule: "tags of any Unicode are kept in their order, once each, and filter exactly",
    needs: "conditions",
    async run({ store }) {
      await store.append({
        streamId: "a-1",
        expected: "any",
        events: [happened(1, { tags: [...ODD_NAMES, "a-1", "*"] })],
      });
      for (const tag of [...ODD_NAMES, ...LONGEST]) {
        await store.append({ streamId: "b-1", expected: "any", events: [happened(2, { tags: [tag] })] });
      }

      expect((await readStream(store, "a-1")).map(({ tags }) => tags)).toStrictEqual([ODD_NAMES]);
      for (const tag of ODD_NAMES) {
        const found = (await readLog(store, { filter: { tags: [tag] } })).map(({ tags }) => tags);
        expect(found).toStrictEqual([ODD_NAMES, [tag]]);
      }
    },
  },
  {
    id: "names.bad-tags",
    rule: "tags that break the rules of names are refused",
    needs: "conditions",
    async run({ store }) {
      for (const tag of BAD_NAMES) {
        const event = happened(1, { tags: ["good", untyped<string>(tag)] });
        await expectRefusal(store.append({ streamId: "a-1", expected: "any", events: [event] }), "ES_INVALID_EVENT");
      }

      await expectEmpty(store);
    },
  },
];
