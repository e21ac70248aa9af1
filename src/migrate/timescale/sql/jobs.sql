-- Below 1000 are the extension's own. An aggregate is named by its view, or, in older versions, by the hypertable that holds its
-- contents.
SELECT j.job_id AS id,
       j.proc_schema AS schema,
       j.proc_name AS procedure,
       COALESCE(extract(epoch FROM j.schedule_interval), 0)::int8 AS every_seconds,
       CASE WHEN j.hypertable_name IS NOT NULL
            THEN json_build_object('schema', COALESCE(a.view_schema, j.hypertable_schema), 'name', COALESCE(a.view_name, j.hypertable_name)) END AS of,
       j.config ->> 'drop_after' AS drop_after
  FROM timescaledb_information.jobs j
  LEFT JOIN timescaledb_information.continuous_aggregates a
    ON a.materialization_hypertable_schema = j.hypertable_schema AND a.materialization_hypertable_name = j.hypertable_name
 WHERE j.job_id >= 1000
 ORDER BY j.job_id
