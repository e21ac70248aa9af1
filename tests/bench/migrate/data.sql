-- The data of one workload, chosen by :workload; :mb is about how many megabytes of rows it has.
\set ON_ERROR_STOP on
SELECT :'workload' = 'telemetry' AS telemetry, :'workload' = 'one' AS one, :'workload' = 'many' AS many, :'workload' = 'wide' AS wide \gset

\if :telemetry
-- As in templates/phoenix/db, without TimescaleDB: jsonb twice, a primary key and two more indexes.
CREATE TABLE telemetry (ts timestamptz NOT NULL, batch_id uuid NOT NULL, seq int NOT NULL, kind text NOT NULL,
  agent_id text NOT NULL, session_id text, trace_id text, name text, duration_ms float8, location jsonb, payload jsonb,
  PRIMARY KEY (batch_id, seq, ts));
INSERT INTO telemetry
SELECT '2026-01-01'::timestamptz + i * interval '7 ms', ('00000000-0000-4000-8000-' || lpad(to_hex(i / 500 * 7919 % 1000003), 12, '0'))::uuid, i % 500,
       (ARRAY['span', 'metric', 'event'])[1 + i % 3], 'agent-' || i % 97, 'session-' || i / 1000, md5(i::text), 'operation-' || i % 50,
       random() * 1000, jsonb_build_object('lat', round((random() * 180 - 90)::numeric, 5), 'lon', round((random() * 360 - 180)::numeric, 5)),
       jsonb_build_object('level', 'info', 'message', md5((i * 7)::text), 'tokens', i % 4096, 'tags', jsonb_build_array('a', i % 11), 'ok', i % 10 <> 0)
  FROM generate_series(1, :mb * 2100) AS i;
CREATE INDEX telemetry_agent ON telemetry (agent_id, ts);
CREATE INDEX telemetry_session ON telemetry (session_id, ts);
SELECT format('CREATE TABLE lookup_%s (id int PRIMARY KEY, name text, n numeric); INSERT INTO lookup_%1$s SELECT i, md5(i::text), i * 1.5 FROM generate_series(1, 2000) i', t)
  FROM generate_series(1, 20) AS t \gexec
\endif

\if :one
CREATE TABLE one (id bigint PRIMARY KEY, account int, amount numeric(12, 2), at timestamptz, note text);
INSERT INTO one SELECT i, i % 100000, (i % 1000000) / 100.0, '2026-01-01'::timestamptz + i * interval '1 s', repeat(md5(i::text), 2)
  FROM generate_series(1, :mb * 7500) AS i;
\endif

\if :many
SELECT format('CREATE TABLE t_%s (id int PRIMARY KEY, name text, at timestamptz); INSERT INTO t_%1$s SELECT i, md5(i::text), now() FROM generate_series(1, 100) i', t)
  FROM generate_series(1, :tables) AS t \gexec
\endif

\if :wide
SELECT 'CREATE TABLE wide (id bigint PRIMARY KEY, ' || string_agg(format('f%s float8, i%1$s bigint, n%1$s numeric', c), ', ' ORDER BY c) || ')'
  FROM generate_series(1, 12) AS c \gexec
SELECT 'INSERT INTO wide SELECT i, ' || string_agg(format('random() * 1000000, i * %s, (i %% 100000) * 1.00%1$s', c), ', ' ORDER BY c) ||
       format(' FROM generate_series(1, %s) AS i', :mb * 2800)
  FROM generate_series(1, 12) AS c \gexec
\endif

VACUUM ANALYZE;
