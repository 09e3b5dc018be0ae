--
-- PostgreSQL database dump
--


-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: es; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA es;


--
-- Name: announce(); Type: FUNCTION; Schema: es; Owner: -
--

CREATE FUNCTION es.announce() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared((16113::bigint << 48) | (SELECT last_value - (NOT is_called)::int FROM "es"."events_position_seq"));
  RETURN NULL;
END $$;


--
-- Name: head(); Type: FUNCTION; Schema: es; Owner: -
--

CREATE FUNCTION es.head() RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
  settled bigint := "es"."watermark"();
BEGIN
  RETURN coalesce((SELECT max(position) FROM "es"."events" WHERE position <= settled), 0);
END $$;


--
-- Name: watermark(); Type: FUNCTION; Schema: es; Owner: -
--

CREATE FUNCTION es.watermark() RETURNS bigint
    LANGUAGE plpgsql
    AS $$
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


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: events; Type: TABLE; Schema: es; Owner: -
--

CREATE TABLE es.events (
    "position" bigint NOT NULL,
    stream text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL COLLATE pg_catalog."C",
    at timestamp with time zone DEFAULT now() NOT NULL,
    tags text[] COLLATE pg_catalog."C",
    meta json,
    data json NOT NULL
);


--
-- Name: events_position_seq; Type: SEQUENCE; Schema: es; Owner: -
--

ALTER TABLE es.events ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME es.events_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: meta; Type: TABLE; Schema: es; Owner: -
--

CREATE TABLE es.meta (
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL
);


--
-- Name: registers; Type: TABLE; Schema: es; Owner: -
--

CREATE TABLE es.registers (
    key text NOT NULL COLLATE pg_catalog."C",
    value bytea,
    revision bigint NOT NULL
)
WITH (fillfactor='50');


--
-- Data for Name: events; Type: TABLE DATA; Schema: es; Owner: -
--

INSERT INTO es.events OVERRIDING SYSTEM VALUE VALUES (1, 'user-42', 1, '00000000-0000-4000-8000-000000000001', 'UserSignedUp', '2026-11-21 10:58:45.045555+00', '{user:42,"odd \"tag\", {really}"}', '{"correlationId":"c-1","schemaVersion":2}', '{"name":"Ada \u0000 \"quoted\" ''single'' ünï 😀","list":[1,2.5,null,true,{}]}');
INSERT INTO es.events OVERRIDING SYSTEM VALUE VALUES (2, 'user-42', 2, '00000000-0000-4000-8000-000000000002', 'UserRenamed', '2026-11-21 10:58:45.045555+00', NULL, NULL, '"Grace"');
INSERT INTO es.events OVERRIDING SYSTEM VALUE VALUES (6, 'ünï codé-1', 1, '00000000-0000-4000-8000-000000000003', 'Noted', '2026-11-21 10:58:45.1467+00', '{user:42}', NULL, 'null');


--
-- Data for Name: meta; Type: TABLE DATA; Schema: es; Owner: -
--

INSERT INTO es.meta VALUES ('identity', '14763a87-4e6a-4a3d-a3df-952ff466b524');
INSERT INTO es.meta VALUES ('created', '2026-11-21 10:58:44.978812+00');
INSERT INTO es.meta VALUES ('tags', 'true');
INSERT INTO es.meta VALUES ('format', '1');


--
-- Data for Name: registers; Type: TABLE DATA; Schema: es; Owner: -
--

INSERT INTO es.registers VALUES ('kept', '\x7365636f6e64', 2);
INSERT INTO es.registers VALUES ('deleted', NULL, 1);


--
-- Name: events_position_seq; Type: SEQUENCE SET; Schema: es; Owner: -
--

SELECT pg_catalog.setval('es.events_position_seq', 6, true);


--
-- Name: events events_pkey; Type: CONSTRAINT; Schema: es; Owner: -
--

ALTER TABLE ONLY es.events
    ADD CONSTRAINT events_pkey PRIMARY KEY ("position");


--
-- Name: events events_stream_version_key; Type: CONSTRAINT; Schema: es; Owner: -
--

ALTER TABLE ONLY es.events
    ADD CONSTRAINT events_stream_version_key UNIQUE (stream, version);


--
-- Name: meta meta_pkey; Type: CONSTRAINT; Schema: es; Owner: -
--

ALTER TABLE ONLY es.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (key);


--
-- Name: registers registers_pkey; Type: CONSTRAINT; Schema: es; Owner: -
--

ALTER TABLE ONLY es.registers
    ADD CONSTRAINT registers_pkey PRIMARY KEY (key);


--
-- Name: events_tags; Type: INDEX; Schema: es; Owner: -
--

CREATE INDEX events_tags ON es.events USING gin (tags) WITH (fastupdate=off);


--
-- Name: events announce; Type: TRIGGER; Schema: es; Owner: -
--

CREATE TRIGGER announce BEFORE INSERT ON es.events FOR EACH STATEMENT EXECUTE FUNCTION es.announce();


--
-- PostgreSQL database dump complete
--


