-- For each object that can be made elsewhere: what it is called in the comparison of schemas, its place in the order of making, whether
-- it restricts rows (late), the statement that makes it (make), what brings one that is there to this definition (alter), what of that
-- restricts or rewrites rows (tighten), what takes it away where it would be in the way (take), and whether rows that were there
-- before it have values which nobody sent (fill).
WITH relation AS (
  SELECT c.*, n.nspname, format('%I.%I', n.nspname, c.relname) AS identity
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE {user_schema}
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), sequence AS (
  SELECT r.*, s.*, o.refobjid AS of_table, o.refobjsubid AS of_column, o.deptype AS owned,
         concat_ws(' ', 'INCREMENT BY', s.seqincrement, 'MINVALUE', s.seqmin, 'MAXVALUE', s.seqmax, 'START WITH', s.seqstart, 'CACHE', s.seqcache,
           CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) AS options
    FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid
    LEFT JOIN pg_depend o ON o.classid = 'pg_class'::regclass AND o.objid = r.oid AND o.refclassid = 'pg_class'::regclass AND o.deptype IN ('a', 'i')
), col AS (
  SELECT r.oid AS relation, r.identity, r.relkind, a.attname, a.attnum, a.attnotnull, a.attgenerated, a.attidentity, a.attislocal, a.attinhcount,
         r.relispartition, quote_ident(a.attname) AS quoted, format_type(a.atttypid, a.atttypmod) AS type,
         quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
           || COALESCE((SELECT format(' COLLATE %I.%I', cn.nspname, co.collname) FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace
                         WHERE co.oid = a.attcollation AND a.attcollation <> t.typcollation), '') AS base,
         pg_get_expr(d.adbin, d.adrelid) AS preset,
         (SELECT format(' GENERATED %s AS IDENTITY (SEQUENCE NAME %s %s)', CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, s.identity, s.options)
            FROM sequence s WHERE s.of_table = a.attrelid AND s.of_column = a.attnum AND s.owned = 'i') AS counted,
         -- What rows have that were there when the column came: a partitioned table's is at its partitions.
         CASE WHEN r.relkind <> 'p' AND a.atthasmissing THEN (a.attmissingval::text::text[])[1]
              WHEN r.relkind = 'p' THEN
                (SELECT (m.attmissingval::text::text[])[1] FROM pg_partition_tree(r.oid) p JOIN pg_attribute m ON m.attrelid = p.relid AND m.attname = a.attname
                  WHERE p.isleaf AND m.atthasmissing LIMIT 1) END AS missing
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE r.relkind IN ('r', 'p', 'c') AND a.attnum > 0 AND NOT a.attisdropped
), routine AS (
  SELECT p.*, format('%s', p.oid::regprocedure) AS identity
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE {user_schema}
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
), owned_type AS (
  SELECT t.*, format('%I.%I', n.nspname, t.typname) AS identity
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_class c ON c.oid = t.typrelid
   WHERE {user_schema} AND (c.oid IS NULL OR c.relkind = 'c') AND NOT (t.typelem <> 0 AND t.typlen = -1)
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype IN ('e', 'i'))
), acl(object, named, owner, acl, defaults) AS (
  SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || identity, CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || identity, relowner, relacl,
         acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, relowner)
    FROM relation WHERE relacl IS NOT NULL AND relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
  UNION ALL
  SELECT 'FUNCTION ' || identity, 'ROUTINE ' || identity, proowner, proacl, acldefault('f', proowner) FROM routine WHERE proacl IS NOT NULL
  UNION ALL
  SELECT 'TYPE ' || identity, 'TYPE ' || identity, typowner, typacl, acldefault('T', typowner) FROM owned_type WHERE typacl IS NOT NULL
  UNION ALL
  SELECT 'SCHEMA ' || n.nspname, 'SCHEMA ' || quote_ident(n.nspname), n.nspowner, n.nspacl, acldefault('n', n.nspowner) FROM pg_namespace n
   WHERE n.nspacl IS NOT NULL AND {user_schema}
), made(kind, object, place, late, make, alter, tighten, take, fill, belongs) AS (
SELECT 'SCHEMA', n.nspname::text, 10, false, format('CREATE SCHEMA IF NOT EXISTS %I', n.nspname), NULL, NULL, NULL, false, NULL
  FROM pg_namespace n WHERE {user_schema}
UNION ALL
SELECT 'EXTENSION', e.extname::text, 15, false, format('CREATE EXTENSION IF NOT EXISTS %I WITH SCHEMA %I', e.extname, n.nspname), NULL, NULL, NULL, false, NULL
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
UNION ALL
SELECT 'TYPE', t.identity, 20, false,
       CASE t.typtype
         WHEN 'e' THEN format('CREATE TYPE %s AS ENUM (%s)', t.identity, (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid))
         WHEN 'c' THEN format('CREATE TYPE %s AS (%s)', t.identity, (SELECT string_agg(c.base, ', ' ORDER BY c.attnum) FROM col c WHERE c.relation = t.typrelid))
         WHEN 'd' THEN concat_ws(' ', 'CREATE DOMAIN', t.identity, 'AS', format_type(t.typbasetype, t.typtypmod), 'COLLATE ' || nullif(nullif(t.typcollation, 0), b.typcollation)::regcollation,
           'DEFAULT ' || t.typdefault, CASE WHEN t.typnotnull THEN 'NOT NULL' END,
           (SELECT string_agg(format('CONSTRAINT %I %s', c.conname, pg_get_constraintdef(c.oid)), ' ' ORDER BY c.conname) FROM pg_constraint c WHERE c.contypid = t.oid AND c.contype = 'c'))
         WHEN 'r' THEN (SELECT format('CREATE TYPE %s AS RANGE (SUBTYPE = %s, MULTIRANGE_TYPE_NAME = %s%s%s)', t.identity, format_type(g.rngsubtype, NULL),
             (SELECT format('%I.%I', mn.nspname, m.typname) FROM pg_type m JOIN pg_namespace mn ON mn.oid = m.typnamespace WHERE m.oid = g.rngmultitypid),
             ', COLLATION = ' || nullif(g.rngcollation, 0)::regcollation, ', SUBTYPE_DIFF = ' || nullif(g.rngsubdiff, 0)::regproc) FROM pg_range g WHERE g.rngtypid = t.oid)
       END,
       CASE t.typtype WHEN 'e' THEN
         (SELECT string_agg(format('ALTER TYPE %s ADD VALUE IF NOT EXISTS %L%s', t.identity, e.enumlabel, CASE WHEN e.before IS NOT NULL THEN format(' AFTER %L', e.before) WHEN e.after IS NOT NULL THEN format(' BEFORE %L', e.after) END),
                   '; ' ORDER BY e.enumsortorder)
            FROM (SELECT v.*, lag(v.enumlabel) OVER w AS before, lead(v.enumlabel) OVER w AS after FROM pg_enum v WHERE v.enumtypid = t.oid WINDOW w AS (ORDER BY v.enumsortorder)) AS e) END,
       NULL, NULL, false, NULL
  FROM owned_type t LEFT JOIN pg_type b ON b.oid = t.typbasetype WHERE t.typtype IN ('e', 'c', 'd', 'r')
UNION ALL
SELECT 'SEQUENCE', s.identity, 30, false, format('CREATE SEQUENCE %s AS %s %s', s.identity, format_type(s.seqtypid, NULL), s.options),
       format('ALTER SEQUENCE %s AS %s %s', s.identity, format_type(s.seqtypid, NULL), s.options), NULL, NULL, false,
       (SELECT r.identity FROM relation r WHERE r.oid = s.of_table)
  FROM sequence s WHERE s.owned IS DISTINCT FROM 'i'
UNION ALL
SELECT 'SEQUENCE OWNED BY', s.identity, 72, false, format('ALTER SEQUENCE %s OWNED BY %s', s.identity, c.identity || '.' || c.quoted), NULL, NULL, NULL, false, c.identity
  FROM sequence s JOIN col c ON c.relation = s.of_table AND c.attnum = s.of_column WHERE s.owned = 'a'
UNION ALL
SELECT 'FUNCTION', r.identity, 40, false, pg_get_functiondef(r.oid), pg_get_functiondef(r.oid), NULL, NULL, false, NULL FROM routine r WHERE r.prokind <> 'a'
UNION ALL
SELECT 'TABLE', r.identity, 50, false,
       concat('CREATE ', CASE WHEN r.relpersistence = 'u' THEN 'UNLOGGED ' END, 'TABLE ', r.identity, ' (',
         (SELECT string_agg(concat(c.base, CASE WHEN c.attgenerated <> '' THEN ' GENERATED ALWAYS AS (' || c.preset || ') STORED' ELSE COALESCE(c.counted, ' DEFAULT ' || c.preset) END,
                   CASE WHEN c.attnotnull THEN ' NOT NULL' END), ', ' ORDER BY c.attnum) FROM col c WHERE c.relation = r.oid), ')',
         (SELECT ' INHERITS (' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) || ')' FROM pg_inherits i WHERE i.inhrelid = r.oid),
         CASE WHEN r.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(r.oid) END, ' WITH (' || array_to_string(r.reloptions, ', ') || ')',
         CASE WHEN r.relrowsecurity THEN format('; ALTER TABLE %s ENABLE ROW LEVEL SECURITY', r.identity) END,
         CASE WHEN r.relforcerowsecurity THEN format('; ALTER TABLE %s FORCE ROW LEVEL SECURITY', r.identity) END),
       format('ALTER TABLE %s %s ROW LEVEL SECURITY, %s ROW LEVEL SECURITY', r.identity, CASE WHEN r.relrowsecurity THEN 'ENABLE' ELSE 'DISABLE' END,
         CASE WHEN r.relforcerowsecurity THEN 'FORCE' ELSE 'NO FORCE' END), NULL, NULL, false, r.identity
  FROM relation r WHERE r.relkind IN ('r', 'p') AND NOT r.relispartition AND r.reloftype = 0
UNION ALL
SELECT 'COLUMN', c.identity || '.' || c.quoted, 60, false,
       CASE WHEN c.relkind = 'c' THEN format('ALTER TYPE %s ADD ATTRIBUTE %s', c.identity, c.base)
            WHEN c.attgenerated <> '' THEN format('ALTER TABLE %s ADD COLUMN %s GENERATED ALWAYS AS (%s) STORED', c.identity, c.base, c.preset)
            WHEN c.missing IS NOT NULL THEN format('ALTER TABLE %1$s ADD COLUMN %2$s DEFAULT %3$L; ALTER TABLE %1$s ALTER %4$s %5$s', c.identity, c.base, c.missing, c.quoted,
              COALESCE('SET DEFAULT ' || c.preset, 'DROP DEFAULT'))
            ELSE concat('ALTER TABLE ', c.identity, ' ADD COLUMN ', c.base, '; ALTER TABLE ' || c.identity || ' ALTER ' || c.quoted || ' SET DEFAULT ' || c.preset) END,
       CASE WHEN c.relkind <> 'c' AND c.attgenerated = '' AND c.attidentity = '' THEN
         concat('ALTER TABLE ', c.identity, ' ALTER ', c.quoted, COALESCE(' SET DEFAULT ' || c.preset, ' DROP DEFAULT'),
           CASE WHEN NOT c.attnotnull THEN ', ALTER ' || c.quoted || ' DROP NOT NULL' END) END,
       CASE WHEN c.relkind <> 'c' AND c.attnotnull THEN
         concat('ALTER TABLE ', c.identity, ' ALTER ', c.quoted, ' SET NOT NULL', CASE WHEN c.counted IS NOT NULL THEN
           format('; DO $infra$ BEGIN ALTER TABLE %s ALTER %s ADD%s; EXCEPTION WHEN object_not_in_prerequisite_state OR duplicate_table THEN NULL; END $infra$', c.identity, c.quoted, c.counted) END) END,
       CASE WHEN c.relkind <> 'c' AND c.attnotnull AND c.preset IS NULL AND c.attidentity = '' THEN format('ALTER TABLE %s ALTER %s DROP NOT NULL', c.identity, c.quoted) END,
       c.relkind <> 'c' AND c.missing IS NULL AND c.attgenerated = '' AND (c.preset IS NOT NULL OR c.attnotnull), c.identity
  FROM col c WHERE c.attislocal AND c.attinhcount = 0
UNION ALL
SELECT 'INDEX', format('%I.%I', r.nspname, i.relname), CASE WHEN x.indisunique THEN 82 ELSE 80 END, x.indisunique,
       regexp_replace(pg_get_indexdef(i.oid), ' ON ONLY ', ' ON '), format('DROP INDEX IF EXISTS %I.%I; ', r.nspname, i.relname) || regexp_replace(pg_get_indexdef(i.oid), ' ON ONLY ', ' ON '), NULL,
       CASE WHEN x.indisunique THEN format('DROP INDEX %I.%I', r.nspname, i.relname) END, false, r.identity
  FROM relation r JOIN pg_index x ON x.indrelid = r.oid JOIN pg_class i ON i.oid = x.indexrelid
 WHERE NOT i.relispartition AND x.indisvalid
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.conrelid = r.oid AND k.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT 'CONSTRAINT', format('%s.%I', r.identity, con.conname), CASE con.contype WHEN 'p' THEN 81 WHEN 'f' THEN 90 ELSE 85 END, true,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', r.identity, con.conname, pg_get_constraintdef(con.oid)),
       format('ALTER TABLE %1$s DROP CONSTRAINT IF EXISTS %2$I; ALTER TABLE %1$s ADD CONSTRAINT %2$I %3$s', r.identity, con.conname, pg_get_constraintdef(con.oid)), NULL,
       format('ALTER TABLE %s DROP CONSTRAINT %I', r.identity, con.conname), false, r.identity
  FROM relation r JOIN pg_constraint con ON con.conrelid = r.oid
 WHERE con.contype IN ('p', 'u', 'c', 'x', 'f') AND con.conparentid = 0 AND con.coninhcount = 0
UNION ALL
SELECT CASE r.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END, r.identity, 100, r.relkind = 'm',
       format('CREATE %s %s%s AS %s', CASE r.relkind WHEN 'v' THEN 'OR REPLACE VIEW' ELSE 'MATERIALIZED VIEW' END, r.identity, ' WITH (' || array_to_string(r.reloptions, ', ') || ')',
         rtrim(pg_get_viewdef(r.oid), ';')),
       format('DROP %1$s IF EXISTS %2$s; CREATE %1$s %2$s%3$s AS %4$s', CASE r.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END, r.identity,
         ' WITH (' || array_to_string(r.reloptions, ', ') || ')', rtrim(pg_get_viewdef(r.oid), ';')), NULL, format('DROP %s %s', CASE r.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END, r.identity), false, NULL
  FROM relation r WHERE r.relkind IN ('v', 'm')
UNION ALL
SELECT 'RULE', format('%s.%I', r.identity, w.rulename), 110, false, pg_get_ruledef(w.oid), format('DROP RULE IF EXISTS %I ON %s; ', w.rulename, r.identity) || pg_get_ruledef(w.oid), NULL,
       format('DROP RULE %I ON %s', w.rulename, r.identity), false, r.identity
  FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 'TRIGGER', format('%s.%I', r.identity, t.tgname), 110, false,
       concat(pg_get_triggerdef(t.oid), state.sql), concat(format('DROP TRIGGER IF EXISTS %I ON %s; ', t.tgname, r.identity), pg_get_triggerdef(t.oid), state.sql), NULL,
       format('DROP TRIGGER %I ON %s', t.tgname, r.identity), false, r.identity
  FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid
 CROSS JOIN LATERAL (SELECT format('; ALTER TABLE %s %s TRIGGER %I', r.identity, CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' END, t.tgname)
                      WHERE t.tgenabled <> 'O' UNION ALL SELECT NULL LIMIT 1) AS state (sql)
 WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgname <> '{fence}'
UNION ALL
SELECT 'POLICY', format('%s.%I', r.identity, p.polname), 110, false, policy.sql, format('DROP POLICY IF EXISTS %I ON %s; ', p.polname, r.identity) || policy.sql, NULL,
       format('DROP POLICY %I ON %s', p.polname, r.identity), false, r.identity
  FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
 CROSS JOIN LATERAL (SELECT concat_ws(' ', format('CREATE POLICY %I ON %s AS %s FOR %s TO', p.polname, r.identity, CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
     CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END),
   (SELECT string_agg(CASE WHEN o = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(o)) END, ', ') FROM unnest(p.polroles) AS o),
   'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', 'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')) AS policy (sql)
UNION ALL
SELECT 'OWNER', owned.kind || ' ' || owned.object, 120, false, format('ALTER %s %s OWNER TO %I', owned.word, owned.named, pg_get_userbyid(owned.owner)),
       format('ALTER %s %s OWNER TO %I', owned.word, owned.named, pg_get_userbyid(owned.owner)), NULL, NULL, false, NULL
  FROM (SELECT 'TABLE' AS kind, 'TABLE' AS word, identity AS object, identity AS named, relowner AS owner FROM relation r
         WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT EXISTS (SELECT FROM sequence s WHERE s.oid = r.oid AND s.owned IS NOT NULL)
        UNION ALL SELECT 'FUNCTION', 'ROUTINE', identity, identity, proowner FROM routine
        UNION ALL SELECT 'TYPE', 'TYPE', identity, identity, typowner FROM owned_type
        UNION ALL SELECT 'SCHEMA', 'SCHEMA', n.nspname::text, quote_ident(n.nspname), n.nspowner FROM pg_namespace n WHERE {user_schema}) AS owned
 WHERE owned.owner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
UNION ALL
SELECT 'GRANT', format('%s to %s: %s', a.object, given.name, given.privilege_type), 130, false, given.sql, given.sql, NULL, NULL, false, NULL
  FROM acl a CROSS JOIN LATERAL (
    SELECT grantee.name, g.privilege_type, format('GRANT %s ON %s TO %s%s', g.privilege_type, a.named, grantee.named, CASE WHEN bool_or(g.is_grantable) THEN ' WITH GRANT OPTION' END) AS sql
      FROM aclexplode(a.acl) AS g
     CROSS JOIN LATERAL (SELECT CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee)::text END,
                                CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END) AS grantee (name, named)
     WHERE g.grantee <> a.owner GROUP BY 1, 2, grantee.named) AS given
UNION ALL
SELECT 'REVOKE', format('%s from PUBLIC: %s', a.object, usual.privilege_type), 130, false, format('REVOKE %s ON %s FROM PUBLIC', usual.privilege_type, a.named), NULL, NULL, NULL, false, NULL
  FROM acl a CROSS JOIN LATERAL aclexplode(a.defaults) AS usual WHERE usual.grantee = 0
   AND NOT EXISTS (SELECT FROM aclexplode(a.acl) AS given WHERE (given.grantee, given.privilege_type) = (usual.grantee, usual.privilege_type))
UNION ALL
SELECT 'COMMENT', object.type || ' ' || regexp_replace(object.identity, '\mpg_catalog\.json\M', 'json', 'g'), 140, false, comment.sql, comment.sql, NULL, NULL, false, NULL
  FROM pg_description d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) AS object
 CROSS JOIN LATERAL (SELECT format('COMMENT ON %s %s IS %L', CASE WHEN object.type LIKE '% column' THEN 'COLUMN' WHEN object.type = 'table constraint' THEN 'CONSTRAINT' ELSE upper(object.type) END,
   object.identity, d.description)) AS comment (sql)
 WHERE d.objoid >= 16384 AND object.identity IS NOT NULL AND object.type NOT IN ('extension', 'domain constraint') AND COALESCE(object.schema, '') NOT IN ({helper_schema})
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = d.classoid AND x.objid = d.objoid AND x.deptype = 'e')
)
SELECT kind::text, object::text, place, late, make::text, alter::text, tighten::text, take::text, fill, belongs::text FROM made ORDER BY place, object
