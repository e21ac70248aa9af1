SELECT a.mat_hypertable_id AS id,
       v.oid::int8 AS oid,
       a.user_view_schema AS schema,
       a.user_view_name AS name,
       json_build_object('schema', COALESCE(p.user_view_schema, h.schema_name), 'name', COALESCE(p.user_view_name, h.table_name)) AS of,
       pg_get_viewdef(q.oid) AS definition,
       COALESCE((SELECT json_agg(json_build_object('name', t.attname, 'of_type', format_type(t.atttypid, NULL)) ORDER BY t.attnum)
                   FROM pg_attribute t WHERE t.attrelid = v.oid AND t.attnum > 0), '[]') AS columns
  FROM _timescaledb_catalog.continuous_agg a
  JOIN pg_namespace vn ON vn.nspname = a.user_view_schema
  JOIN pg_class v ON v.relnamespace = vn.oid AND v.relname = a.user_view_name
  JOIN pg_namespace qn ON qn.nspname = a.direct_view_schema
  JOIN pg_class q ON q.relnamespace = qn.oid AND q.relname = a.direct_view_name
  LEFT JOIN _timescaledb_catalog.continuous_agg p ON p.mat_hypertable_id = (to_jsonb(a) ->> 'parent_mat_hypertable_id')::int4
  LEFT JOIN _timescaledb_catalog.hypertable h ON h.id = a.raw_hypertable_id
 ORDER BY a.mat_hypertable_id
