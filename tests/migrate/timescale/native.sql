-- After real.sql, for the extension itself: what odd.sql imitates.
CREATE SCHEMA odd;
CREATE TABLE odd.cond (gone text, "time" timestamptz NOT NULL, device integer NOT NULL, temp double precision, UNIQUE (device, "time"));
SELECT create_hypertable('odd.cond', 'time', chunk_time_interval => interval '1 day');
-- Days that begin at midnight in Berlin, over the night in which clocks are set back; columns with other numbers than the first chunk's.
INSERT INTO odd.cond SELECT 'x', '2026-10-23 22:00:00+00'::timestamptz + n * interval '10 minutes', n % 3, n FROM generate_series(0, 143) AS n;
ALTER TABLE odd.cond DROP COLUMN gone;
ALTER TABLE odd.cond ADD COLUMN note text DEFAULT 'none';
INSERT INTO odd.cond SELECT '2026-10-24 22:00:00+00'::timestamptz + n * interval '10 minutes', n % 3, n, 'b' FROM generate_series(0, 400) AS n;
CREATE INDEX ON odd.cond (device, "time" DESC);
ALTER TABLE odd.cond SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
SELECT compress_chunk(c) FROM show_chunks('odd.cond') AS c LIMIT 1;
CREATE TABLE odd."user" ("user" timestamp NOT NULL, v integer);
SELECT create_hypertable('odd."user"', 'user', chunk_time_interval => interval '90 minutes');
INSERT INTO odd."user" SELECT '2026-10-24 01:30:00'::timestamp + n * interval '1 minute', n FROM generate_series(0, 300) AS n;
CREATE TABLE odd."Mixed" ("Mixed Case" date NOT NULL, "select" text);
CREATE UNIQUE INDEX "Of ""all""" ON odd."Mixed" ("Mixed Case" DESC, "select");
SELECT create_hypertable('odd."Mixed"', 'Mixed Case', chunk_time_interval => interval '3 days');
INSERT INTO odd."Mixed" SELECT '2026-10-24'::date + n, 'n' || n FROM generate_series(0, 29) AS n;
CREATE SCHEMA chunks;
CREATE TABLE odd.spaced ("with space" timestamptz NOT NULL, "a""b" integer);
SELECT create_hypertable('odd.spaced', 'with space', chunk_time_interval => interval '1 hour', associated_schema_name => 'chunks');
INSERT INTO odd.spaced SELECT '2026-10-24 01:00:00+00'::timestamptz + n * interval '1 minute', n FROM generate_series(0, 99) AS n;
CREATE TABLE odd.quoted ("a""b" timestamptz NOT NULL);
SELECT create_hypertable('odd.quoted', 'a"b');
INSERT INTO odd.quoted SELECT '2026-10-24 01:00:00+00'::timestamptz + n * interval '1 hour' FROM generate_series(0, 300) AS n;
CREATE TABLE odd."order" ("order" bigint NOT NULL, v integer);
SELECT create_hypertable('odd."order"', 'order', chunk_time_interval => 1000);
CREATE FUNCTION odd.now() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT COALESCE(max("order"), 0) FROM odd."order" $$;
SELECT set_integer_now_func('odd."order"', 'odd.now');
INSERT INTO odd."order" SELECT n, n FROM generate_series(-1000, 2000, 7) AS n;
CREATE TABLE odd.places (id integer, place text);
INSERT INTO odd.places SELECT n, 'place ' || n FROM generate_series(0, 2) AS n;
CREATE FUNCTION odd.rounded(v double precision) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT round(v::numeric, 1) $$;
CREATE MATERIALIZED VIEW odd.cond_hourly WITH (timescaledb.continuous) AS
  SELECT time_bucket('1 hour', c."time") AS "time", p.place, odd.rounded(avg(c.temp)) AS mean, count(*) AS n
    FROM odd.cond c JOIN odd.places p ON p.id = c.device GROUP BY 1, 2 WITH NO DATA;
CREATE MATERIALIZED VIEW odd.cond_daily WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
  SELECT time_bucket('1 day', "time") AS "order", sum(n) AS n FROM odd.cond_hourly GROUP BY 1 WITH NO DATA;
CREATE MATERIALIZED VIEW odd.hundreds WITH (timescaledb.continuous) AS
  SELECT time_bucket(100, "order") AS hundred, count(*) AS n FROM odd."order" GROUP BY 1 WITH NO DATA;
CREATE MATERIALIZED VIEW odd.of_users WITH (timescaledb.continuous) AS
  SELECT time_bucket('1 hour', "user") AS h, max(v) AS v FROM odd."user" GROUP BY 1 WITH NO DATA;
SELECT add_continuous_aggregate_policy('odd.hundreds', start_offset => 5000, end_offset => 100, schedule_interval => interval '1 hour');
SELECT add_retention_policy('odd."order"', drop_after => 100000);
SELECT add_retention_policy('odd.cond_daily', interval '10 years');
