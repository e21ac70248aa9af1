-- Below 1000 are the extension's own.
SELECT j.job_id AS id,
       j.proc_schema AS schema,
       j.proc_name AS procedure,
       COALESCE(extract(epoch FROM j.schedule_interval), 0)::int8 AS every_seconds,
       COALESCE(j.config ->> 'hypertable_id', j.config ->> 'mat_hypertable_id')::int4 AS hypertable,
       j.config ->> 'drop_after' AS drop_after
  FROM timescaledb_information.jobs j
 WHERE j.job_id >= 1000
 ORDER BY j.job_id
