-- Changes whenever a definition does: every row of the catalogues has the number of the transaction that wrote it.
-- VACUUM and ANALYZE write in place and leave it. Temporary objects and the migration's own are left out.
WITH ours AS (
  SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_' OR nspname IN ('information_schema', {helper_schema})
), relation AS (
  SELECT c.oid, c.xmin FROM pg_class c WHERE c.relnamespace NOT IN (SELECT oid FROM ours)
), entry(text) AS (
  SELECT 'class' || oid || ',' || xmin FROM relation
  UNION ALL SELECT 'attribute' || a.attrelid || ',' || a.attnum || ',' || a.xmin FROM pg_attribute a JOIN relation r ON r.oid = a.attrelid
  UNION ALL SELECT 'default' || d.oid || ',' || d.xmin FROM pg_attrdef d
  UNION ALL SELECT 'constraint' || c.oid || ',' || c.xmin FROM pg_constraint c WHERE c.connamespace NOT IN (SELECT oid FROM ours)
  UNION ALL SELECT 'index' || i.indexrelid || ',' || i.xmin FROM pg_index i JOIN relation r ON r.oid = i.indrelid
  UNION ALL SELECT 'inherits' || i.inhrelid || ',' || i.inhparent || ',' || i.xmin FROM pg_inherits i
  UNION ALL SELECT 'trigger' || t.oid || ',' || t.xmin FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid
  UNION ALL SELECT 'rule' || w.oid || ',' || w.xmin FROM pg_rewrite w JOIN relation r ON r.oid = w.ev_class
  UNION ALL SELECT 'policy' || p.oid || ',' || p.xmin FROM pg_policy p
  UNION ALL SELECT 'sequence' || s.seqrelid || ',' || s.xmin FROM pg_sequence s JOIN relation r ON r.oid = s.seqrelid
  UNION ALL SELECT 'function' || p.oid || ',' || p.xmin FROM pg_proc p WHERE p.pronamespace NOT IN (SELECT oid FROM ours)
  UNION ALL SELECT 'type' || t.oid || ',' || t.xmin FROM pg_type t WHERE t.typnamespace NOT IN (SELECT oid FROM ours)
  UNION ALL SELECT 'enum' || e.oid || ',' || e.xmin FROM pg_enum e
  UNION ALL SELECT 'schema' || n.oid || ',' || n.xmin FROM pg_namespace n WHERE n.oid NOT IN (SELECT oid FROM ours)
  UNION ALL SELECT 'extension' || e.oid || ',' || e.xmin FROM pg_extension e
  UNION ALL SELECT 'statistics' || s.oid || ',' || s.xmin FROM pg_statistic_ext s
  UNION ALL SELECT 'event trigger' || e.oid || ',' || e.xmin FROM pg_event_trigger e
  UNION ALL SELECT 'default grant' || d.oid || ',' || d.xmin FROM pg_default_acl d
)
SELECT count(*) || ':' || coalesce(sum(hashtextextended(text, 0)), 0) FROM entry
