-- What an object is made of, beside what comes with the server: functions, operators, types, collations, relations and their
-- columns, by their identity. Text is not looked at, and neither are names that a server chooses.
WITH relation AS (
  SELECT c.oid, c.relkind, format('%I.%I', n.nspname, c.relname) AS identity
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE {user_schema}
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), thing(kind, object, of, own, class, id, part) AS (
  SELECT CASE r.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END, r.identity, r.oid, 0, 'pg_rewrite'::regclass, w.oid, 0
    FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid WHERE w.rulename = '_RETURN'
  UNION ALL
  SELECT 'RULE', format('%s.%I', r.identity, w.rulename), r.oid, 0, 'pg_rewrite'::regclass, w.oid, 0
    FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid WHERE w.rulename <> '_RETURN'
  UNION ALL
  SELECT 'POLICY', format('%s.%I', r.identity, p.polname), r.oid, 0, 'pg_policy'::regclass, p.oid, 0
    FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
  UNION ALL
  SELECT 'TRIGGER', format('%s.%I', r.identity, t.tgname), r.oid, 0, 'pg_trigger'::regclass, t.oid, 0
    FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid WHERE {user_trigger}
  UNION ALL
  SELECT 'CONSTRAINT', format('%s.%I', r.identity, con.conname), r.oid, 0, 'pg_constraint'::regclass, con.oid, 0
    FROM relation r JOIN pg_constraint con ON con.conrelid = r.oid WHERE con.contype = 'c'
  UNION ALL
  SELECT 'COLUMN', format('%s.%I', r.identity, a.attname), r.oid, a.attnum::int, 'pg_attrdef'::regclass, d.oid, 0
    FROM relation r JOIN pg_attrdef d ON d.adrelid = r.oid JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = d.adnum
  UNION ALL
  SELECT 'COLUMN', format('%s.%I', r.identity, a.attname), r.oid, a.attnum::int, 'pg_class'::regclass, r.oid, a.attnum::int
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid
   WHERE r.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT 'TABLE', r.identity, r.oid, 0, 'pg_class'::regclass, r.oid, 0 FROM relation r WHERE r.relkind IN ('p', 'f')
  UNION ALL
  SELECT 'INDEX', r.identity, x.indrelid, 0, 'pg_class'::regclass, r.oid, 0 FROM relation r JOIN pg_index x ON x.indexrelid = r.oid
  UNION ALL
  SELECT 'STATISTICS', format('%I.%I', n.nspname, s.stxname), s.stxrelid, 0, 'pg_statistic_ext'::regclass, s.oid, 0
    FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE {user_schema}
  UNION ALL
  SELECT 'FUNCTION', p.oid::regprocedure::text, 0, 0, 'pg_proc'::regclass, p.oid, 0
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE {user_schema}
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
  UNION ALL
  SELECT 'TYPE', format('%I.%I', n.nspname, t.typname), 0, 0, part.class, part.id, 0
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
   CROSS JOIN LATERAL (SELECT 'pg_type'::regclass, t.oid
                       UNION ALL SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c WHERE c.contypid = t.oid) AS part(class, id)
   WHERE {user_schema} AND t.typtype IN ('d', 'r')
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
)
-- json is a word of the language for a later server, which writes it without its schema.
SELECT DISTINCT t.kind, t.object, used.type || ' ' || regexp_replace(used.identity, '\mpg_catalog\.json\M', 'json', 'g')
  FROM thing t
  JOIN pg_depend d ON d.classid = t.class AND d.objid = t.id AND d.objsubid = t.part
 CROSS JOIN LATERAL pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) AS used
 WHERE d.deptype IN ('n', 'a')
   AND d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass, 'pg_collation'::regclass,
                        'pg_opclass'::regclass, 'pg_opfamily'::regclass, 'pg_ts_config'::regclass, 'pg_ts_dict'::regclass)
   -- What it belongs to, it belongs to.
   AND NOT (d.refclassid = 'pg_class'::regclass AND d.refobjid = t.of AND d.refobjsubid IN (0, t.own))
   AND NOT (d.refclassid = t.class AND d.refobjid = t.id AND d.refobjsubid = 0)
   -- From 17 on a domain's NOT NULL is a constraint that refers to it.
   AND NOT (t.kind = 'TYPE' AND d.refclassid = 'pg_type'::regclass
            AND EXISTS (SELECT FROM pg_constraint c WHERE t.class = 'pg_constraint'::regclass AND c.oid = t.id AND c.contypid = d.refobjid))
