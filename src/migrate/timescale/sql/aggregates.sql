-- Those that others are made of come first. What an aggregate of an aggregate reads is said by the name of the hypertable that
-- holds the contents of the other.
WITH RECURSIVE aggregate AS (
  SELECT v.oid, a.view_schema AS schema, a.view_name AS name, a.view_definition AS definition,
         COALESCE(p.view_schema, a.hypertable_schema) AS of_schema, COALESCE(p.view_name, a.hypertable_name) AS of_name
    FROM timescaledb_information.continuous_aggregates a
    JOIN pg_namespace n ON n.nspname = a.view_schema
    JOIN pg_class v ON v.relnamespace = n.oid AND v.relname = a.view_name
    LEFT JOIN timescaledb_information.continuous_aggregates p
      ON p.materialization_hypertable_schema = a.hypertable_schema AND p.materialization_hypertable_name = a.hypertable_name
), ranked AS (
  SELECT a.oid, a.schema, a.name, 0 AS depth FROM aggregate a
   WHERE NOT EXISTS (SELECT FROM aggregate p WHERE p.schema = a.of_schema AND p.name = a.of_name)
  UNION ALL
  SELECT a.oid, a.schema, a.name, r.depth + 1 FROM ranked r JOIN aggregate a ON a.of_schema = r.schema AND a.of_name = r.name
)
SELECT a.oid::int8 AS oid,
       a.schema,
       a.name,
       json_build_object('schema', a.of_schema, 'name', a.of_name) AS of,
       a.definition,
       COALESCE((SELECT json_agg(json_build_object('name', t.attname, 'of_type', format_type(t.atttypid, NULL)) ORDER BY t.attnum)
                   FROM pg_attribute t WHERE t.attrelid = a.oid AND t.attnum > 0), '[]') AS columns
  FROM aggregate a JOIN ranked r ON r.oid = a.oid
 ORDER BY r.depth, a.schema, a.name
