-- After shop.sql: hypertables whose columns have names that are words of SQL or need quotes, of every type of time, with borders off
-- midnight and over the night in which clocks are set back; aggregates that read other tables and one another.
CREATE SCHEMA odd;
CREATE SCHEMA a_first;
CREATE FUNCTION pg_temp.hypertable(number integer, of regclass, col name, step bigint, borders bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  chunk integer;
  border bigint;
BEGIN
  INSERT INTO _timescaledb_catalog.hypertable (id, schema_name, table_name, associated_table_prefix, num_dimensions)
    SELECT number, n.nspname, c.relname, '_hyper_' || number, 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = of;
  INSERT INTO _timescaledb_catalog.dimension (id, hypertable_id, column_name, column_type, aligned, interval_length)
    SELECT number, number, col, atttypid, true, step FROM pg_attribute WHERE attrelid = of AND attname = col;
  FOREACH border IN ARRAY borders LOOP
    chunk := number * 10 + array_position(borders, border);
    EXECUTE format('CREATE TABLE _timescaledb_internal.%I () INHERITS (%s)', '_hyper_' || number || '_' || chunk || '_chunk', of);
    INSERT INTO _timescaledb_catalog.chunk (id, hypertable_id, schema_name, table_name)
      VALUES (chunk, number, '_timescaledb_internal', '_hyper_' || number || '_' || chunk || '_chunk');
    INSERT INTO _timescaledb_catalog.dimension_slice VALUES (chunk, number, border, border + step);
    INSERT INTO _timescaledb_catalog.chunk_constraint VALUES (chunk, chunk, 'constraint_' || chunk);
  END LOOP;
END $$;

-- Days that begin at midnight in Berlin; the second chunk comes after a column was dropped, so that its columns have other numbers.
CREATE TABLE odd.cond (gone text, "time" timestamptz NOT NULL, device integer NOT NULL, temp double precision, UNIQUE (device, "time"));
CREATE INDEX ON odd.cond ("time" DESC);
SELECT pg_temp.hypertable(20, 'odd.cond', 'time', 86400000000, ARRAY[1792792800000000]);
ALTER TABLE odd.cond DROP COLUMN gone;
ALTER TABLE odd.cond ADD COLUMN note text DEFAULT 'none';
CREATE TABLE _timescaledb_internal._hyper_20_202_chunk (UNIQUE (device, "time")) INHERITS (odd.cond);
INSERT INTO _timescaledb_catalog.chunk (id, hypertable_id, schema_name, table_name) VALUES (202, 20, '_timescaledb_internal', '_hyper_20_202_chunk');
INSERT INTO _timescaledb_catalog.dimension_slice VALUES (202, 20, 1792879200000000, 1792965600000000);
INSERT INTO _timescaledb_catalog.chunk_constraint VALUES (202, 202, 'constraint_202');
INSERT INTO _timescaledb_internal._hyper_20_201_chunk SELECT '2026-10-23 22:00:00+00'::timestamptz + n * interval '10 minutes', n % 3, n FROM generate_series(0, 143) AS n;
INSERT INTO _timescaledb_internal._hyper_20_202_chunk SELECT '2026-10-24 22:00:00+00'::timestamptz + n * interval '10 minutes', n % 3, n, 'b' FROM generate_series(0, 143) AS n;

CREATE TABLE odd."user" ("user" timestamp NOT NULL, v integer);
SELECT pg_temp.hypertable(21, 'odd."user"', 'user', 5400000000, ARRAY[1792805400000000, 1792810800000000]);
INSERT INTO _timescaledb_internal._hyper_21_211_chunk SELECT '2026-10-24 01:30:00'::timestamp + n * interval '1 minute', n FROM generate_series(0, 89) AS n;
INSERT INTO _timescaledb_internal._hyper_21_212_chunk SELECT '2026-10-24 03:00:00'::timestamp + n * interval '1 minute', n FROM generate_series(0, 89) AS n;

CREATE TABLE odd."Mixed" ("Mixed Case" date NOT NULL, "select" text);
CREATE UNIQUE INDEX "Of ""all""" ON odd."Mixed" ("Mixed Case" DESC, "select");
SELECT pg_temp.hypertable(22, 'odd."Mixed"', 'Mixed Case', 259200000000, ARRAY[1792800000000000]);
INSERT INTO _timescaledb_internal._hyper_22_221_chunk SELECT '2026-10-24'::date + n % 3, 'n' || n FROM generate_series(0, 29) AS n;

CREATE TABLE odd.spaced ("with space" timestamptz NOT NULL, "a""b" integer);
SELECT pg_temp.hypertable(23, 'odd.spaced', 'with space', 3600000000, ARRAY[1792803600000000]);
INSERT INTO _timescaledb_internal._hyper_23_231_chunk SELECT '2026-10-24 01:00:00+00'::timestamptz + n * interval '1 minute', n FROM generate_series(0, 59) AS n;

-- Its chunk lies beside it.
ALTER TABLE _timescaledb_internal._hyper_23_231_chunk SET SCHEMA odd;
UPDATE _timescaledb_catalog.chunk SET schema_name = 'odd' WHERE id = 231;
CREATE INDEX "Of the chunk" ON odd._hyper_23_231_chunk ("with space");
COMMENT ON TABLE odd._hyper_23_231_chunk IS 'a chunk';

CREATE TABLE odd.quoted ("a""b" timestamptz NOT NULL);
SELECT pg_temp.hypertable(24, 'odd.quoted', 'a"b', 3600000000, ARRAY[1792803600000000]);
INSERT INTO _timescaledb_internal._hyper_24_241_chunk SELECT '2026-10-24 01:00:00+00'::timestamptz + n * interval '1 minute' FROM generate_series(0, 59) AS n;

CREATE TABLE odd."order" ("order" bigint NOT NULL, v integer);
CREATE FUNCTION odd.now() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT COALESCE(max("order"), 0) FROM odd."order" $$;
SELECT pg_temp.hypertable(25, 'odd."order"', 'order', 1000, ARRAY[-1000, 0]);
UPDATE _timescaledb_catalog.dimension SET integer_now_func_schema = 'odd', integer_now_func = 'now' WHERE id = 25;
INSERT INTO _timescaledb_internal._hyper_25_251_chunk SELECT n, n FROM generate_series(-1000, -1, 7) AS n;
INSERT INTO _timescaledb_internal._hyper_25_252_chunk SELECT n, n FROM generate_series(0, 999, 7) AS n;

CREATE TABLE odd.places (id integer, place text);
INSERT INTO odd.places SELECT n, 'place ' || n FROM generate_series(0, 2) AS n;
CREATE FUNCTION odd.rounded(v double precision) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT round(v::numeric, 1) $$;

-- Aggregates: with a table and a function of their users, of an aggregate, and by number.
CREATE FUNCTION pg_temp.aggregate(number integer, of integer, above integer, schema name, name name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  direct text := format('_timescaledb_internal.%I', '_direct_view_' || number);
  contents text := format('_timescaledb_internal.%I', '_materialized_hypertable_' || number);
BEGIN
  EXECUTE format('CREATE VIEW _timescaledb_internal.%I AS SELECT * FROM %s', '_partial_view_' || number, direct);
  EXECUTE format('CREATE TABLE %s AS SELECT * FROM %s', contents, direct);
  EXECUTE format('CREATE VIEW %I.%I AS SELECT * FROM %s', schema, name, contents);
  INSERT INTO _timescaledb_catalog.hypertable (id, schema_name, table_name, associated_table_prefix, num_dimensions)
    VALUES (number, '_timescaledb_internal', '_materialized_hypertable_' || number, '_hyper_' || number, 1);
  INSERT INTO _timescaledb_catalog.continuous_agg VALUES (number, of, above, schema, name, '_timescaledb_internal',
    '_partial_view_' || number, '_timescaledb_internal', '_direct_view_' || number);
END $$;
CREATE VIEW _timescaledb_internal._direct_view_30 AS
  SELECT public.time_bucket('1 hour', c."time") AS "time", p.place, odd.rounded(avg(c.temp)) AS mean, count(*) AS n
    FROM odd.cond c JOIN odd.places p ON p.id = c.device GROUP BY 1, 2;
SELECT pg_temp.aggregate(30, 20, NULL, 'a_first', 'of a place');
CREATE VIEW _timescaledb_internal._direct_view_31 AS
  SELECT public.time_bucket('1 day', "time") AS "order", sum(n) AS n FROM a_first."of a place" GROUP BY 1;
SELECT pg_temp.aggregate(31, 30, 30, 'a_first', 'daily');
CREATE VIEW _timescaledb_internal._direct_view_32 AS SELECT public.time_bucket(100, "order") AS hundred, count(*) AS n FROM odd."order" GROUP BY 1;
SELECT pg_temp.aggregate(32, 25, NULL, 'odd', 'hundreds');
CREATE VIEW _timescaledb_internal._direct_view_33 AS SELECT public.time_bucket('1 hour', "user") AS h, max(v) AS v FROM odd."user" GROUP BY 1;
SELECT pg_temp.aggregate(33, 21, NULL, 'odd', 'of users');
INSERT INTO _timescaledb_config.bgw_job VALUES
  (1010, 'Refresh Continuous Aggregate Policy [1010]', '1 hour', '_timescaledb_functions', 'policy_refresh_continuous_aggregate', 31, '{"mat_hypertable_id": 31}'),
  (1011, 'Retention Policy [1011]', '1 day', '_timescaledb_functions', 'policy_retention', 20, '{"drop_after": "30 days", "hypertable_id": 20}');
