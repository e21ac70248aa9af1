-- Three hypertables on the double: by time, compressed in part, with what is made of it; by time and space; by number.
CREATE ROLE app NOLOGIN;
CREATE SCHEMA shop;
CREATE TABLE shop.devices (id integer PRIMARY KEY, name text NOT NULL);
INSERT INTO shop.devices SELECT n, 'device ' || n FROM generate_series(0, 9) AS n;

CREATE TABLE shop."Readings" (
  at timestamptz NOT NULL,
  device integer NOT NULL,
  value double precision DEFAULT 0,
  note text CHECK (note <> ''),
  CONSTRAINT "Readings_pkey" PRIMARY KEY (at, device),
  CONSTRAINT "Readings_device_fkey" FOREIGN KEY (device) REFERENCES shop.devices
) WITH (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE shop."Readings" OWNER TO app;
GRANT SELECT ON shop."Readings" TO PUBLIC;
CREATE INDEX "Readings_at_idx" ON shop."Readings" (at DESC);
CREATE INDEX by_device ON shop."Readings" (device, at DESC) WHERE value > 10;
COMMENT ON COLUMN shop."Readings".value IS 'in volts';
CREATE TRIGGER ts_insert_blocker BEFORE INSERT ON shop."Readings" FOR EACH ROW EXECUTE FUNCTION _timescaledb_functions.insert_blocker();
CREATE FUNCTION shop.noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER noted BEFORE UPDATE ON shop."Readings" FOR EACH ROW EXECUTE FUNCTION shop.noted();
INSERT INTO _timescaledb_catalog.hypertable (id, schema_name, table_name, associated_table_prefix, num_dimensions, compression_state, compressed_hypertable_id)
  VALUES (1, 'shop', 'Readings', '_hyper_1', 1, 1, 2), (2, '_timescaledb_internal', '_compressed_hypertable_2', '_hyper_2', 0, 2, NULL),
         (3, '_timescaledb_internal', '_materialized_hypertable_3', '_hyper_3', 1, 0, NULL),
         (4, '_timescaledb_internal', '_materialized_hypertable_4', '_hyper_4', 1, 0, NULL),
         (6, 'shop', 'ticks', '_hyper_6', 1, 0, NULL), (7, 'shop', 'spaced', '_hyper_7', 2, 0, NULL);
SELECT setval('_timescaledb_catalog.hypertable_id_seq', 7);
INSERT INTO _timescaledb_catalog.dimension (id, hypertable_id, column_name, column_type, aligned, num_slices, interval_length)
  VALUES (1, 1, 'at', 'timestamptz', true, NULL, 604800000000), (2, 3, 'day', 'timestamptz', true, NULL, 6048000000000),
         (5, 6, 'n', 'bigint', true, NULL, 100), (6, 7, 'day', 'date', true, NULL, 2592000000000), (7, 7, 'k', 'text', false, 2, NULL);
INSERT INTO _timescaledb_catalog.dimension_slice VALUES
  (1, 1, 1767225600000000, 1767830400000000), (2, 1, 1767830400000000, 1768435200000000), (3, 1, 1769040000000000, 1769644800000000),
  (5, 5, -100, 0), (6, 5, 0, 100), (11, 6, 1767744000000000, 1770336000000000), (12, 7, -9223372036854775808, 1073741823), (13, 7, 1073741823, 9223372036854775807);

-- Chunks 1 to 3, the first compressed as 5; there is no chunk for the week from January 15 on.
CREATE TABLE _timescaledb_internal._hyper_1_1_chunk (PRIMARY KEY (at, device), FOREIGN KEY (device) REFERENCES shop.devices,
  CONSTRAINT constraint_1 CHECK (at >= '2026-01-01 00:00:00+00' AND at < '2026-01-08 00:00:00+00')) INHERITS (shop."Readings");
CREATE TABLE _timescaledb_internal._hyper_1_2_chunk (PRIMARY KEY (at, device), FOREIGN KEY (device) REFERENCES shop.devices,
  CONSTRAINT constraint_2 CHECK (at >= '2026-01-08 00:00:00+00' AND at < '2026-01-15 00:00:00+00')) INHERITS (shop."Readings");
CREATE TABLE _timescaledb_internal._hyper_1_3_chunk (PRIMARY KEY (at, device), FOREIGN KEY (device) REFERENCES shop.devices,
  CONSTRAINT constraint_3 CHECK (at >= '2026-01-22 00:00:00+00' AND at < '2026-01-29 00:00:00+00')) INHERITS (shop."Readings");
CREATE TABLE _timescaledb_internal._compressed_hypertable_2 ();
CREATE TABLE _timescaledb_internal.compress_hyper_2_5_chunk () INHERITS (shop."Readings");
CREATE INDEX ON _timescaledb_internal._hyper_1_2_chunk (at DESC);
INSERT INTO _timescaledb_internal.compress_hyper_2_5_chunk SELECT '2026-01-01 00:00:00+00'::timestamptz + n * interval '1 minute', n % 10, n / 7.0, 'n' || n FROM generate_series(0, 9999) AS n;
INSERT INTO _timescaledb_internal._hyper_1_2_chunk SELECT '2026-01-08 00:00:00+00'::timestamptz + n * interval '1 minute', n % 10, n / 7.0, NULL FROM generate_series(0, 9999) AS n;
INSERT INTO _timescaledb_internal._hyper_1_3_chunk SELECT '2026-01-22 00:00:00+00'::timestamptz + n * interval '1 minute', n % 10, n / 7.0, 'x' FROM generate_series(0, 999) AS n;
INSERT INTO _timescaledb_catalog.chunk (id, hypertable_id, schema_name, table_name, compressed_chunk_id) VALUES
  (1, 1, '_timescaledb_internal', '_hyper_1_1_chunk', 5), (2, 1, '_timescaledb_internal', '_hyper_1_2_chunk', NULL),
  (3, 1, '_timescaledb_internal', '_hyper_1_3_chunk', NULL), (5, 2, '_timescaledb_internal', 'compress_hyper_2_5_chunk', NULL);
INSERT INTO _timescaledb_catalog.chunk_constraint VALUES (1, 1, 'constraint_1'), (2, 2, 'constraint_2'), (3, 3, 'constraint_3'),
  (1, NULL, '1_1_Readings_pkey');
INSERT INTO _timescaledb_catalog.compression_chunk_size VALUES (1, 5, 5242880, 8192, 49152, 16384, 8192, 16384, 10000, 10);

-- By number, and by day and text.
CREATE TABLE shop.ticks (n bigint NOT NULL, v text);
CREATE TABLE _timescaledb_internal._hyper_6_6_chunk (CHECK (n >= -100 AND n < 0)) INHERITS (shop.ticks);
CREATE TABLE _timescaledb_internal._hyper_6_7_chunk (CHECK (n >= 0 AND n < 100)) INHERITS (shop.ticks);
INSERT INTO _timescaledb_internal._hyper_6_6_chunk SELECT n, 'below' FROM generate_series(-50, -1) AS n;
INSERT INTO _timescaledb_internal._hyper_6_7_chunk SELECT n, 'above' FROM generate_series(0, 49) AS n;
CREATE TABLE shop.spaced (day date NOT NULL, k text NOT NULL, v integer);
CREATE TABLE _timescaledb_internal._hyper_7_8_chunk (CHECK (day >= '2026-01-07' AND day < '2026-02-06')) INHERITS (shop.spaced);
CREATE TABLE _timescaledb_internal._hyper_7_9_chunk (CHECK (day >= '2026-01-07' AND day < '2026-02-06')) INHERITS (shop.spaced);
INSERT INTO _timescaledb_internal._hyper_7_8_chunk SELECT '2026-01-10'::date + n, 'a', n FROM generate_series(0, 9) AS n;
INSERT INTO _timescaledb_internal._hyper_7_9_chunk SELECT '2026-01-10'::date + n, 'b', n FROM generate_series(0, 9) AS n;
INSERT INTO _timescaledb_catalog.chunk (id, hypertable_id, schema_name, table_name) VALUES
  (6, 6, '_timescaledb_internal', '_hyper_6_6_chunk'), (7, 6, '_timescaledb_internal', '_hyper_6_7_chunk'),
  (8, 7, '_timescaledb_internal', '_hyper_7_8_chunk'), (9, 7, '_timescaledb_internal', '_hyper_7_9_chunk');
INSERT INTO _timescaledb_catalog.chunk_constraint VALUES (6, 5, 'constraint_5'), (7, 6, 'constraint_6'), (8, 11, 'constraint_11'),
  (8, 12, 'constraint_12'), (9, 11, 'constraint_11'), (9, 13, 'constraint_13');

-- Continuous aggregates: one that can be carried, with what reads it, and one that uses what has no counterpart. The first's
-- schema sorts before the hypertable's.
CREATE SCHEMA average;
CREATE VIEW _timescaledb_internal._direct_view_3 AS SELECT public.time_bucket('1 day', at) AS day, device, avg(value) AS mean, count(*) AS n FROM shop."Readings" GROUP BY 1, 2;
CREATE VIEW _timescaledb_internal._partial_view_3 AS SELECT * FROM _timescaledb_internal._direct_view_3;
CREATE TABLE _timescaledb_internal._materialized_hypertable_3 AS SELECT * FROM _timescaledb_internal._direct_view_3;
ALTER TABLE _timescaledb_internal._materialized_hypertable_3 OWNER TO app;
CREATE VIEW average.daily AS SELECT day, device, mean, n FROM _timescaledb_internal._materialized_hypertable_3;
ALTER VIEW average.daily OWNER TO app;
COMMENT ON VIEW average.daily IS 'by day';
GRANT SELECT ON average.daily TO PUBLIC;
CREATE VIEW average.best AS SELECT max(mean) AS best FROM average.daily;
CREATE VIEW _timescaledb_internal._direct_view_4 AS SELECT public.time_bucket('1 month', at) AS m, public.first(value, at) AS first FROM shop."Readings" GROUP BY 1;
CREATE TABLE _timescaledb_internal._materialized_hypertable_4 AS SELECT * FROM _timescaledb_internal._direct_view_4;
CREATE VIEW shop.monthly AS SELECT m, first FROM _timescaledb_internal._materialized_hypertable_4;
INSERT INTO _timescaledb_catalog.continuous_agg VALUES
  (3, 1, NULL, 'average', 'daily', '_timescaledb_internal', '_partial_view_3', '_timescaledb_internal', '_direct_view_3'),
  (4, 1, NULL, 'shop', 'monthly', '_timescaledb_internal', '_partial_view_4', '_timescaledb_internal', '_direct_view_4');
CREATE VIEW shop.quarters AS SELECT public.time_bucket('15 minutes', at) AS quarter, max(value) AS top FROM shop."Readings" GROUP BY 1;
CREATE FUNCTION shop.bucketed() RETURNS SETOF timestamptz LANGUAGE sql AS $$ SELECT time_bucket('1 hour', at) FROM shop."Readings" $$;
CREATE PROCEDURE shop.tidy(job_id integer, config jsonb) LANGUAGE plpgsql AS $$ BEGIN END $$;
INSERT INTO _timescaledb_config.bgw_job VALUES
  (1000, 'Retention Policy [1000]', '1 day', '_timescaledb_functions', 'policy_retention', 1, '{"drop_after": "90 days", "hypertable_id": 1}'),
  (1001, 'Columnstore Policy [1001]', '12 hours', '_timescaledb_functions', 'policy_compression', 1, '{"hypertable_id": 1, "compress_after": "30 days"}'),
  (1002, 'Refresh Continuous Aggregate Policy [1002]', '1 hour', '_timescaledb_functions', 'policy_refresh_continuous_aggregate', 3, '{"mat_hypertable_id": 3}'),
  (1003, 'User-Defined Action [1003]', '1 hour', 'shop', 'tidy', NULL, NULL);
