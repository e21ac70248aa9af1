-- By the extension's own views, which are the same in all versions; its tables are not. Hypertables that hold aggregates lie
-- in its own schema.
WITH hypertable AS (
  SELECT h.hypertable_schema AS schema, h.hypertable_name AS name, t.oid
    FROM timescaledb_information.hypertables h
    JOIN pg_namespace n ON n.nspname = h.hypertable_schema
    JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = h.hypertable_name
   WHERE h.hypertable_schema !~ '^_timescaledb_'
), chunk AS (
  SELECT h.schema, h.name, c.is_compressed,
         COALESCE(c.range_start_integer, CASE c.range_start WHEN '-infinity' THEN -9223372036854775808
                                         ELSE (extract(epoch FROM c.range_start) * 1000000)::int8 END) AS "from",
         COALESCE(c.range_end_integer, CASE c.range_end WHEN 'infinity' THEN 9223372036854775807
                                       ELSE (extract(epoch FROM c.range_end) * 1000000)::int8 END) AS "to",
         s.table_bytes + COALESCE(s.toast_bytes, 0) AS stored_bytes,
         CASE WHEN c.is_compressed
              THEN pg_table_size(t.oid) + z.before_compression_table_bytes + z.before_compression_toast_bytes END AS uncompressed_bytes
    FROM hypertable h
    JOIN timescaledb_information.chunks c ON c.hypertable_schema = h.schema AND c.hypertable_name = h.name
    JOIN pg_namespace n ON n.nspname = c.chunk_schema
    JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = c.chunk_name
    LEFT JOIN (SELECT o.oid, f.* FROM hypertable o, {functions}.chunks_detailed_size(o.oid) f) AS s
      ON s.oid = h.oid AND s.chunk_schema = c.chunk_schema AND s.chunk_name = c.chunk_name
    LEFT JOIN (SELECT o.oid, f.* FROM hypertable o, {functions}.chunk_compression_stats(o.oid) f) AS z
      ON z.oid = h.oid AND z.chunk_schema = c.chunk_schema AND z.chunk_name = c.chunk_name
)
SELECT h.schema,
       h.name,
       d.column_name AS "column",
       format_type(d.column_type, NULL) AS column_type,
       COALESCE(d.integer_interval, (extract(epoch FROM d.time_interval) * 1000000)::int8, 0) AS interval,
       COALESCE((SELECT json_agg(o.column_name ORDER BY o.dimension_number) FROM timescaledb_information.dimensions o
                  WHERE o.hypertable_schema = h.schema AND o.hypertable_name = h.name AND o.dimension_number > 1), '[]') AS further,
       COALESCE((SELECT json_agg(row_to_json(r) ORDER BY r."from", r."to") FROM (
         SELECT c."from", c."to",
                count(*) AS chunks,
                count(*) FILTER (WHERE c.is_compressed) AS compressed,
                COALESCE(sum(c.stored_bytes), 0)::int8 AS stored_bytes,
                COALESCE(sum(COALESCE(c.uncompressed_bytes, c.stored_bytes)), 0)::int8 AS bytes
           FROM chunk c WHERE c.schema = h.schema AND c.name = h.name
          GROUP BY c."from", c."to") AS r), '[]') AS ranges
  FROM hypertable h
  JOIN timescaledb_information.dimensions d
    ON d.hypertable_schema = h.schema AND d.hypertable_name = h.name AND d.dimension_number = 1
 ORDER BY h.schema, h.name
