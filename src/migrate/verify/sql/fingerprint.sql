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
  UNION ALL SELECT 'operator' || o.oid || ',' || o.xmin FROM pg_operator o WHERE o.oid >= 16384
  UNION ALL SELECT 'operator class' || o.oid || ',' || o.xmin FROM pg_opclass o WHERE o.oid >= 16384
  UNION ALL SELECT 'operator family' || o.oid || ',' || o.xmin FROM pg_opfamily o WHERE o.oid >= 16384
  UNION ALL SELECT 'cast' || c.oid || ',' || c.xmin FROM pg_cast c WHERE c.oid >= 16384
  UNION ALL SELECT 'collation' || c.oid || ',' || c.xmin FROM pg_collation c WHERE c.collnamespace NOT IN (SELECT oid FROM ours)
  UNION ALL SELECT 'conversion' || c.oid || ',' || c.xmin FROM pg_conversion c WHERE c.oid >= 16384
  UNION ALL SELECT 'configuration' || c.oid || ',' || c.xmin FROM pg_ts_config c WHERE c.oid >= 16384
  UNION ALL SELECT 'mapping' || m.mapcfg || ',' || m.maptokentype || ',' || m.mapseqno || ',' || m.xmin FROM pg_ts_config_map m WHERE m.mapcfg >= 16384
  UNION ALL SELECT 'dictionary' || d.oid || ',' || d.xmin FROM pg_ts_dict d WHERE d.oid >= 16384
  UNION ALL SELECT 'server' || s.oid || ',' || s.xmin FROM pg_foreign_server s
  UNION ALL SELECT 'foreign table' || f.ftrelid || ',' || f.xmin FROM pg_foreign_table f
  UNION ALL SELECT 'publication' || p.oid || ',' || p.xmin FROM pg_publication p WHERE p.pubname !~ '^infra_'
  UNION ALL SELECT 'published' || r.oid || ',' || r.xmin FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname !~ '^infra_'
  UNION ALL SELECT 'default grant' || d.oid || ',' || d.xmin FROM pg_default_acl d
)
SELECT count(*) || ':' || coalesce(sum(hashtextextended(text, 0)), 0) FROM entry
