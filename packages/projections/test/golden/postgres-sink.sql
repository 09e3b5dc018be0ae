CREATE TABLE public.es_projection_registers (
  key text COLLATE "C" PRIMARY KEY,
  value bytea,
  revision bigint NOT NULL
);
INSERT INTO public.es_projection_registers (key, value, revision) VALUES
  ('', '1', 0),
  ('checkpoint:golden', '{"format":1,"store":"STORE","position":"0000000000000002","events":2,"runner":"8b0e6a4c-6c1d-4d63-9d0c-6a5c2e1c9a51","last":{"streamId":"a-1","version":2,"id":"EVENT"}}', 5),
  ('gone', NULL, 3);
