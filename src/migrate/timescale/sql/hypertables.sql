-- The extension's own tables and what belongs to aggregates lie in its own schema. Columns that not every version has are
-- looked up by name in the row as JSON.
SELECT h.id,
       h.schema_name AS schema,
       h.table_name AS name,
       d.column_name AS "column",
       format_type(d.column_type, NULL) AS column_type,
       d.interval_length AS interval,
       COALESCE((SELECT json_agg(o.column_name ORDER BY o.id) FROM _timescaledb_catalog.dimension o
                  WHERE o.hypertable_id = h.id AND o.id <> d.id), '[]') AS further,
       COALESCE((SELECT json_agg(row_to_json(r) ORDER BY r."from") FROM (
         SELECT s.range_start AS "from",
                s.range_end AS "to",
                count(*) AS chunks,
                count(c.compressed_chunk_id) AS compressed,
                sum(pg_table_size(t.oid) + COALESCE(pg_table_size(ct.oid), 0))::int8 AS stored_bytes,
                sum(pg_table_size(t.oid) + COALESCE(z.uncompressed_heap_size + z.uncompressed_toast_size, 0))::int8 AS bytes
           FROM _timescaledb_catalog.chunk c
           JOIN _timescaledb_catalog.chunk_constraint k ON k.chunk_id = c.id
           JOIN _timescaledb_catalog.dimension_slice s ON s.id = k.dimension_slice_id AND s.dimension_id = d.id
           JOIN pg_namespace n ON n.nspname = c.schema_name
           JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = c.table_name
           LEFT JOIN _timescaledb_catalog.chunk cc ON cc.id = c.compressed_chunk_id
           LEFT JOIN pg_namespace cn ON cn.nspname = cc.schema_name
           LEFT JOIN pg_class ct ON ct.relnamespace = cn.oid AND ct.relname = cc.table_name
           LEFT JOIN _timescaledb_catalog.compression_chunk_size z ON z.chunk_id = c.id
          WHERE c.hypertable_id = h.id AND (to_jsonb(c) ->> 'dropped') IS DISTINCT FROM 'true'
          GROUP BY s.range_start, s.range_end) AS r), '[]') AS ranges
  FROM _timescaledb_catalog.hypertable h
  JOIN LATERAL (SELECT * FROM _timescaledb_catalog.dimension d
                 WHERE d.hypertable_id = h.id AND d.interval_length IS NOT NULL ORDER BY d.id LIMIT 1) AS d ON true
 WHERE h.schema_name !~ '^_timescaledb_'
 ORDER BY h.id
