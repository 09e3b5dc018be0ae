BEGIN;

CREATE SCHEMA IF NOT EXISTS "es";

CREATE TABLE "es"."meta" (
  key text COLLATE "C" PRIMARY KEY,
  value text NOT NULL
);

-- The cache of the sequence must stay 1: the order of positions has to be the order in which they are drawn.
CREATE TABLE "es"."events" (
  position bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME "es"."events_position_seq" CACHE 1) PRIMARY KEY,
  stream text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  id uuid NOT NULL,
  type text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  tags text[] COLLATE "C",
  meta json,
  data json NOT NULL,
  UNIQUE (stream, version)
);

-- A deleted register keeps its row without a value, so that no revision is used twice.
CREATE TABLE "es"."registers" (
  key text COLLATE "C" PRIMARY KEY,
  value bytea,
  revision bigint NOT NULL
) WITH (fillfactor = 50);

-- Before it draws its first position, every writer announces a lower bound of its positions by a shared lock that it holds
-- until its transaction has ended. Nobody ever waits for these locks.
CREATE FUNCTION "es"."announce"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared((16113::bigint << 48) | (SELECT last_value - (NOT is_called)::int FROM "es"."events_position_seq"));
  RETURN NULL;
END $$;
CREATE TRIGGER "announce" BEFORE INSERT ON "es"."events" FOR EACH STATEMENT EXECUTE FUNCTION "es"."announce"();

-- Behind the watermark nothing can appear any more. The newest position must be taken before the locks are looked at.
CREATE FUNCTION "es"."watermark"() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  newest bigint;
  oldest_open bigint;
BEGIN
  SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO newest FROM "es"."events_position_seq";
  SELECT min(((classid::bigint << 32) | objid::bigint) & 281474976710655) INTO oldest_open FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND (classid::bigint >> 16) = 16113
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
  RETURN least(newest, coalesce(oldest_open, newest));
END $$;

-- The newest event that readers may see; taken in a snapshot that is younger than the watermark.
CREATE FUNCTION "es"."head"() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  settled bigint := "es"."watermark"();
BEGIN
  RETURN coalesce((SELECT max(position) FROM "es"."events" WHERE position <= settled), 0);
END $$;

INSERT INTO "es"."meta" (key, value) VALUES ('identity', gen_random_uuid()::text), ('created', now()::text);
INSERT INTO "es"."meta" (key, value) VALUES ('tags', 'false');
INSERT INTO "es"."meta" (key, value) VALUES ('format', '1') ON CONFLICT (key) DO UPDATE SET value = excluded.value;

COMMIT;
