import { randomUUID } from "node:crypto";
import Database from "better-sqlite3";
import {
  evolveOrder,
  initialOrder,
  type OrderLine,
  type OrderState,
  orderLineSchema,
  orderStateSchema,
  orderStream,
} from "./order.ts";
import { type BenchEvent, PAGE_SIZE, type Subject } from "./subject.ts";
import { clearTotalsInSqlite, countTotalsInSqlite, openTotalsDatabase, totalsWriter } from "./totals-sqlite.ts";

/** How much of a commit SQLite forces to the disk. */
export type Synchronous = "NORMAL" | "FULL";

type Row = readonly [
  position: number,
  streamId: string,
  version: number,
  id: string,
  type: string,
  recordedAt: number,
  tags: string | null,
  metadata: string | null,
  data: string,
];

/** As often as the store looks by default. */
const POLL_MS = 10;

/** The columns of `Row`, in its order. */
const COLUMNS = "position, stream, version, id, type, at, tags, metadata, data";

const SCHEMA = `
  CREATE TABLE events(
    position INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, version INTEGER NOT NULL, id TEXT NOT NULL,
    type TEXT NOT NULL, at INTEGER NOT NULL, tags TEXT, metadata TEXT, data TEXT NOT NULL, UNIQUE(stream, version)
  ) STRICT;
  CREATE TABLE registers(key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/** What a program without the toolkit would do with better-sqlite3: the same table, one prepared statement per operation. */
export function openBareSqlite(path: string, synchronous: Synchronous): Subject {
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  database.pragma(`synchronous = ${synchronous}`);
  database.exec(SCHEMA);

  const insert = database.prepare<[string, number, string, string, number, string | null, string]>(
    "INSERT INTO events(stream, version, id, type, at, metadata, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
  );
  const insertNext = database.prepare<[string, string, string, number, string | null, string, string]>(
    `INSERT INTO events(stream, version, id, type, at, metadata, data)
     SELECT ?, coalesce(max(version), 0) + 1, ?, ?, ?, ?, ? FROM events WHERE stream = ?`,
  );
  const selectStream = database
    .prepare<[string, number], Row>(`SELECT ${COLUMNS} FROM events WHERE stream = ? AND version > ? ORDER BY version`)
    .raw();
  const selectVersion = database
    .prepare<[string], number>("SELECT version FROM events WHERE stream = ? ORDER BY version DESC LIMIT 1")
    .pluck();
  const selectPage = database
    .prepare<[number], Row>(`SELECT ${COLUMNS} FROM events WHERE position > ? ORDER BY position LIMIT ${PAGE_SIZE}`)
    .raw();
  const selectPageOfType = database
    .prepare<[number, string], Row>(
      `SELECT ${COLUMNS} FROM events WHERE position > ? AND type = ? ORDER BY position LIMIT ${PAGE_SIZE}`,
    )
    .raw();
  const upsertRegister = database.prepare<[string, string]>(
    "INSERT INTO registers VALUES (?, ?, 1) ON CONFLICT(key) DO UPDATE SET value = excluded.value, revision = revision + 1",
  );
  const selectRegister = database.prepare<[string], string>("SELECT value FROM registers WHERE key = ?").pluck();

  function insertOne(streamId: string, version: number | undefined, event: BenchEvent): void {
    const data = JSON.stringify(event.data);
    const metadata = event.metadata === undefined ? null : JSON.stringify(event.metadata);
    if (version === undefined) insertNext.run(streamId, event.id, event.type, Date.now(), metadata, data, streamId);
    else insert.run(streamId, version, event.id, event.type, Date.now(), metadata, data);
  }

  const insertAll = database.transaction(
    (streamId: string, expected: number | "any", events: readonly BenchEvent[]): void => {
      for (const [index, event] of events.entries()) {
        insertOne(streamId, expected === "any" ? undefined : expected + index + 1, event);
      }
    },
  );

  let stopFollowing = (): void => undefined;
  let views: Database.Database | undefined;

  function* pages(type?: string): Generator<readonly BareEvent[], void, undefined> {
    for (let after = 0; ; ) {
      const rows = type === undefined ? selectPage.all(after) : selectPageOfType.all(after, type);
      const events = rows.map(toEvent);
      const last = events.at(-1);
      if (last === undefined) return;
      yield events;
      if (events.length < PAGE_SIZE) return;
      after = last.position;
    }
  }

  function foldOrder(id: string, state: OrderState): OrderState {
    let folded = state;
    for (const row of selectStream.all(orderStream(id), state.events)) {
      folded = evolveOrder(folded, orderLineSchema.parse(toEvent(row).data));
    }
    return folded;
  }

  return {
    append(streamId, expected, events) {
      const [first] = events;
      if (events.length !== 1 || first === undefined) insertAll.immediate(streamId, expected, events);
      else insertOne(streamId, expected === "any" ? undefined : expected + 1, first);
    },
    // Nobody else can come between: the driver is synchronous.
    command: (streamId, event) => insertOne(streamId, (selectVersion.get(streamId) ?? 0) + 1, event),
    async follow(onEvent) {
      const reader = new Database(path, { readonly: true });
      const select = reader
        .prepare<[number], Row>(`SELECT ${COLUMNS} FROM events WHERE position > ? ORDER BY position LIMIT ${PAGE_SIZE}`)
        .raw();
      let after = 0;
      const timer = setInterval(() => {
        for (const event of select.all(after).map(toEvent)) {
          after = event.position;
          onEvent(event.id);
        }
      }, POLL_MS);
      stopFollowing = () => {
        clearInterval(timer);
        reader.close();
      };
    },
    readStream: (streamId) => selectStream.all(streamId, 0).map(toEvent).length,
    readAll(type) {
      let count = 0;
      for (const page of pages(type)) count += page.length;
      return count;
    },
    project() {
      return this.readAll();
    },
    async projectTotals() {
      views ??= openTotalsDatabase(`${path}-totals`, synchronous);
      clearTotalsInSqlite(views);
      const write = totalsWriter(views);
      const name = randomUUID();
      for (const page of pages()) await write(name, page, page.at(-1)?.position ?? 0);
      return countTotalsInSqlite(views);
    },
    loadOrder: (id) => foldOrder(id, initialOrder()).events,
    loadOrderFromSnapshot: (id) =>
      foldOrder(id, orderStateSchema.parse(JSON.parse(selectRegister.get(orderStream(id)) ?? "null"))).events,
    takeSnapshot: (id) => upsertRegister.run(orderStream(id), JSON.stringify(foldOrder(id, initialOrder()))),
    setRegister: (key, value) => upsertRegister.run(key, value),
    async [Symbol.asyncDispose]() {
      stopFollowing();
      views?.close();
      database.close();
    },
  };
}

interface BareEvent {
  readonly position: number;
  readonly streamId: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly data: OrderLine;
  readonly metadata: unknown;
  readonly tags: unknown;
  readonly recordedAt: number;
}

function toEvent([position, streamId, version, id, type, recordedAt, tags, metadata, data]: Row): BareEvent {
  return {
    position,
    streamId,
    version,
    id,
    type,
    data: JSON.parse(data),
    metadata: metadata === null ? {} : JSON.parse(metadata),
    tags: tags === null ? [] : JSON.parse(tags),
    recordedAt,
  };
}
