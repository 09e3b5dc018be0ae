import { randomUUID } from "node:crypto";
import { postgresSchemaSql } from "@es/store-postgres";
import pg from "pg";
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
import { clearTotalsInPostgres, countTotalsInPostgres, saveTotalsInPostgres } from "./totals-postgres.ts";

type Row = readonly [
  position: string,
  streamId: string,
  version: string,
  id: string,
  type: string,
  recordedAt: string,
  tags: string | null,
  metadata: string | null,
  data: string,
];

interface BareEvent {
  readonly position: string;
  readonly id: string;
  readonly streamId: string;
  readonly version: number;
  readonly data: OrderLine;
}

const CONNECTIONS = 32;
const COLUMNS =
  "position, stream, version, id, type, (extract(epoch FROM at) * 1000)::bigint, NULL, meta::text, data::text";
const INSERT = "INSERT INTO es.events (stream, version, id, type, meta, data)";
const UNIQUE_VIOLATION = "23505";

/** Readers are woken by each commit. */
const NOTIFY = `
  CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('appended', ''); RETURN NULL; END $$;
  CREATE TRIGGER tell AFTER INSERT ON es.events FOR EACH STATEMENT EXECUTE FUNCTION tell();
`;

// The driver's own parsers make objects that nobody needs here; a program that cares about speed takes the texts.
const RAW = { getTypeParser: () => (text: string) => text };

/**
 * What a program without the toolkit would do with pg: the same tables, a pool of a connection for each caller, one prepared
 * statement per operation. With `isOrdered` the tables keep the trigger that holds readers back behind open transactions.
 */
export async function openBarePostgres(url: string, { isOrdered }: { readonly isOrdered: boolean }): Promise<Subject> {
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  // The database is dropped behind connections that are still closing.
  pool.on("error", () => undefined);
  await pool.query(postgresSchemaSql());
  if (!isOrdered) await pool.query("DROP TRIGGER announce ON es.events");

  async function rows(name: string, text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    const result = await pool.query<[...Row]>({ name, text, values: [...values], rowMode: "array", types: RAW });
    return result.rows;
  }

  async function insertOne(streamId: string, expected: number | "any", event: BenchEvent): Promise<void> {
    const values = [event.id, event.type, metadataOf(event), JSON.stringify(event.data)];
    if (expected !== "any") {
      await rows("insert", `${INSERT} VALUES ($1, $2, $3, $4, $5, $6) RETURNING position`, [
        streamId,
        expected + 1,
        ...values,
      ]);
      return;
    }
    const next = `${INSERT} SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5 FROM es.events WHERE stream = $1 RETURNING position`;
    await againOnCollision(() => rows("insert-next", next, [streamId, ...values]));
  }

  async function versionOf(streamId: string): Promise<number> {
    const text = "SELECT version FROM es.events WHERE stream = $1 ORDER BY version DESC LIMIT 1";
    const [row] = await rows("version", text, [streamId]);
    return Number(row?.[0] ?? 0);
  }

  async function readFrom(streamId: string, version: number): Promise<readonly BareEvent[]> {
    const text = `SELECT ${COLUMNS} FROM es.events WHERE stream = $1 AND version > $2 ORDER BY version`;
    return (await rows("stream", text, [streamId, version])).map(toEvent);
  }

  let stopFollowing = async (): Promise<void> => undefined;

  async function* pages(type?: string, from = "0"): AsyncGenerator<readonly BareEvent[], void, undefined> {
    const wanted = type === undefined ? "" : "AND type = $2";
    const text = `SELECT ${COLUMNS} FROM es.events WHERE position > $1 ${wanted} ORDER BY position LIMIT ${PAGE_SIZE}`;
    for (let after = from; ; ) {
      const page = await rows(`page${wanted}`, text, type === undefined ? [after] : [after, type]);
      const events = page.map(toEvent);
      const last = events.at(-1);
      if (last === undefined) return;
      yield events;
      if (events.length < PAGE_SIZE) return;
      after = last.position;
    }
  }

  async function foldOrder(id: string, state: OrderState): Promise<OrderState> {
    let folded = state;
    for (const { data } of await readFrom(orderStream(id), state.events)) {
      folded = evolveOrder(folded, orderLineSchema.parse(data));
    }
    return folded;
  }

  async function setRegister(key: string, value: string): Promise<void> {
    await rows(
      "register",
      "INSERT INTO es.registers VALUES ($1, $2, 1) ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = registers.revision + 1",
      [key, Buffer.from(value)],
    );
  }

  const subject: Subject = {
    async append(streamId, expected, events) {
      const [first] = events;
      if (events.length === 1 && first !== undefined) return insertOne(streamId, expected, first);
      await rows(
        "insert-many",
        `${INSERT} SELECT $1, $2 + n, i, t, m, d FROM unnest($3::uuid[], $4::text[], $5::json[], $6::json[]) WITH ORDINALITY e(i, t, m, d, n) ORDER BY n RETURNING position`,
        [
          streamId,
          expected === "any" ? await versionOf(streamId) : expected,
          events.map(({ id }) => id),
          events.map(({ type }) => type),
          events.map(metadataOf),
          events.map(({ data }) => JSON.stringify(data)),
        ],
      );
    },
    async command(streamId, event) {
      await againOnCollision(async () => insertOne(streamId, await versionOf(streamId), event));
    },
    async follow(onEvent) {
      await pool.query(NOTIFY);
      const listener = await pool.connect();
      let after = "0";
      let reading = Promise.resolve();
      const read = async (): Promise<void> => {
        for await (const page of pages(undefined, after)) {
          for (const { id, position } of page) {
            after = position;
            onEvent(id);
          }
        }
      };
      listener.on("notification", () => {
        reading = reading.then(read);
      });
      await listener.query("LISTEN appended");
      stopFollowing = async () => {
        await reading;
        listener.release(true);
      };
    },
    readStream: async (streamId) => (await readFrom(streamId, 0)).length,
    async readAll(type) {
      let count = 0;
      for await (const page of pages(type)) count += page.length;
      return count;
    },
    project() {
      return subject.readAll();
    },
    async projectTotals() {
      const client = await pool.connect();
      try {
        await clearTotalsInPostgres(client);
        const name = randomUUID();
        for await (const page of pages()) await saveTotalsInPostgres(client, name, page, page.at(-1)?.position ?? "");
        return await countTotalsInPostgres(client);
      } finally {
        client.release();
      }
    },
    loadOrder: async (id) => (await foldOrder(id, initialOrder())).events,
    async loadOrderFromSnapshot(id) {
      const text = "SELECT convert_from(value, 'UTF8') FROM es.registers WHERE key = $1";
      const [row] = await rows("snapshot", text, [orderStream(id)]);
      return (await foldOrder(id, orderStateSchema.parse(JSON.parse(row?.[0] ?? "null")))).events;
    },
    takeSnapshot: async (id) => setRegister(orderStream(id), JSON.stringify(await foldOrder(id, initialOrder()))),
    setRegister,
    async [Symbol.asyncDispose]() {
      await stopFollowing();
      await pool.end();
    },
  };
  return subject;
}

/** Repeats what another caller was faster at. */
async function againOnCollision(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError && error.code === UNIQUE_VIOLATION)) throw error;
    }
  }
}

function metadataOf({ metadata }: BenchEvent): string | null {
  return metadata === undefined ? null : JSON.stringify(metadata);
}

function toEvent([position, streamId, version, id, type, recordedAt, tags, metadata, data]: Row): BareEvent & {
  readonly type: string;
  readonly metadata: unknown;
  readonly tags: unknown;
  readonly recordedAt: number;
} {
  return {
    position,
    streamId,
    version: Number(version),
    id,
    type,
    data: JSON.parse(data),
    metadata: metadata === null ? {} : JSON.parse(metadata),
    tags: tags === null ? [] : JSON.parse(tags),
    recordedAt: Number(recordedAt),
  };
}
