-- Facts are the same at every server. What a server prints of its parsed expressions is apart: another, or the same one
-- after it has read its own print, writes it differently.
WITH RECURSIVE remembered AS (
  {remembered_identities}
), loosened AS (
  {loosened_keys}
), held AS (
  {held_triggers}
), guided AS (
  {guided_functions}
), relation AS (
  SELECT c.*, n.nspname, format('%I.%I', n.nspname, c.relname) AS identity
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE {user_schema}
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), routine AS (
  SELECT p.*, format('%s', p.oid::regprocedure) AS identity
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE {user_schema}
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
), owned_type AS (
  SELECT t.*, format('%I.%I', n.nspname, t.typname) AS identity
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_class c ON c.oid = t.typrelid
   WHERE {user_schema} AND (c.oid IS NULL OR c.relkind = 'c') AND NOT (t.typelem <> 0 AND t.typlen = -1)
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
), original(id, top) AS (
  -- Of what a foreign key becomes at partitions: the one that somebody made. The others' names are the server's choice.
  SELECT oid, oid FROM pg_constraint WHERE contype = 'f' AND conparentid = 0
  UNION ALL SELECT c.oid, o.top FROM pg_constraint c JOIN original o ON c.conparentid = o.id
), of_extension AS (
  SELECT classid AS class, objid AS id FROM pg_depend WHERE deptype = 'e'
), rare(kind, object, owner, facts, printed, class, id) AS (
  -- What few databases have, with owners.
  SELECT 'OPERATOR', format('%I.%s (%s, %s)', n.nspname, o.oprname, CASE o.oprleft WHEN 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END, format_type(o.oprright, NULL)),
         o.oprowner,
         concat_ws(' ', 'by', o.oprcode::regprocedure, 'returns ' || format_type(o.oprresult, NULL), 'commutator ' || nullif(o.oprcom, 0)::regoperator,
           'negator ' || nullif(o.oprnegate, 0)::regoperator, 'restrict ' || nullif(o.oprrest, 0)::regproc, 'join ' || nullif(o.oprjoin, 0)::regproc,
           CASE WHEN o.oprcanhash THEN 'hashes' END, CASE WHEN o.oprcanmerge THEN 'merges' END),
         NULL, 'pg_operator'::regclass, o.oid
    FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE {user_schema} AND o.oprcode <> 0
  UNION ALL
  SELECT 'OPERATOR CLASS', format('%I.%I USING %I', n.nspname, c.opcname, a.amname), c.opcowner,
         concat_ws(' ', 'for', format_type(c.opcintype, NULL), CASE WHEN c.opcdefault THEN 'default' END, 'storage ' || format_type(nullif(c.opckeytype, 0), NULL),
           (SELECT format('family %I.%I', n.nspname, f.opfname) FROM pg_opfamily f JOIN pg_namespace n ON n.oid = f.opfnamespace WHERE f.oid = c.opcfamily)),
         NULL, 'pg_opclass'::regclass, c.oid
    FROM pg_opclass c JOIN pg_namespace n ON n.oid = c.opcnamespace JOIN pg_am a ON a.oid = c.opcmethod WHERE {user_schema}
  UNION ALL
  SELECT 'OPERATOR FAMILY', format('%I.%I USING %I', n.nspname, f.opfname, a.amname), f.opfowner,
         concat_ws(' ',
           (SELECT string_agg(concat_ws(' ', o.amopstrategy, o.amopopr::regoperator, o.amoppurpose,
                     (SELECT format('by %I', s.opfname) FROM pg_opfamily s WHERE s.oid = o.amopsortfamily)), ', '
                     ORDER BY o.amopstrategy, o.amopopr::regoperator::text COLLATE "C", o.amoppurpose) FROM pg_amop o WHERE o.amopfamily = f.oid),
           (SELECT string_agg(concat_ws(' ', p.amprocnum, format_type(p.amproclefttype, NULL), format_type(p.amprocrighttype, NULL), p.amproc::regproc), ', '
                     ORDER BY p.amprocnum, format_type(p.amproclefttype, NULL) COLLATE "C", format_type(p.amprocrighttype, NULL) COLLATE "C") FROM pg_amproc p WHERE p.amprocfamily = f.oid)),
         NULL, 'pg_opfamily'::regclass, f.oid
    FROM pg_opfamily f JOIN pg_namespace n ON n.oid = f.opfnamespace JOIN pg_am a ON a.oid = f.opfmethod WHERE {user_schema}
  UNION ALL
  SELECT 'CAST', format('(%s AS %s)', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)), NULL,
         concat_ws(' ', c.castcontext, c.castmethod, nullif(c.castfunc, 0)::regprocedure), NULL, 'pg_cast'::regclass, c.oid
    FROM pg_cast c
   WHERE c.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype = 'i')
  UNION ALL
  -- Some versions write a locale in another way than it was given.
  SELECT 'COLLATION', format('%I.%I', n.nspname, c.collname), c.collowner,
         concat_ws(' ', c.collprovider, CASE WHEN NOT c.collisdeterministic THEN 'not deterministic' END),
         concat_ws(' ', COALESCE(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', c.collcollate), nullif(c.collctype, c.collcollate),
           'rules ' || (to_jsonb(c) ->> 'collicurules')), 'pg_collation'::regclass, c.oid
    FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace WHERE {user_schema}
  UNION ALL
  SELECT 'CONVERSION', format('%I.%I', n.nspname, c.conname), c.conowner,
         concat_ws(' ', pg_encoding_to_char(c.conforencoding), 'to', pg_encoding_to_char(c.contoencoding), 'by', c.conproc::regproc,
           CASE WHEN c.condefault THEN 'default' END), NULL, 'pg_conversion'::regclass, c.oid
    FROM pg_conversion c JOIN pg_namespace n ON n.oid = c.connamespace WHERE {user_schema}
  UNION ALL
  SELECT 'TEXT SEARCH CONFIGURATION', format('%I.%I', n.nspname, c.cfgname), c.cfgowner,
         concat_ws(' ', (SELECT format('%I.%I', pn.nspname, p.prsname) FROM pg_ts_parser p JOIN pg_namespace pn ON pn.oid = p.prsnamespace WHERE p.oid = c.cfgparser),
           (SELECT string_agg(format('%s with %s', token.alias, m.mapdict::regdictionary), ', ' ORDER BY token.alias COLLATE "C", m.mapseqno)
              FROM pg_ts_config_map m JOIN ts_token_type(c.cfgparser) AS token ON token.tokid = m.maptokentype WHERE m.mapcfg = c.oid)),
         NULL, 'pg_ts_config'::regclass, c.oid
    FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace WHERE {user_schema}
  UNION ALL
  SELECT 'TEXT SEARCH DICTIONARY', format('%I.%I', n.nspname, d.dictname), d.dictowner,
         (SELECT format('%I.%I', tn.nspname, t.tmplname) FROM pg_ts_template t JOIN pg_namespace tn ON tn.oid = t.tmplnamespace WHERE t.oid = d.dicttemplate),
         d.dictinitoption, 'pg_ts_dict'::regclass, d.oid
    FROM pg_ts_dict d JOIN pg_namespace n ON n.oid = d.dictnamespace WHERE {user_schema}
  UNION ALL
  SELECT 'TEXT SEARCH PARSER', format('%I.%I', n.nspname, p.prsname), NULL,
         concat_ws(' ', p.prsstart, p.prstoken, p.prsend, nullif(p.prsheadline, 0)::regproc, p.prslextype), NULL, 'pg_ts_parser'::regclass, p.oid
    FROM pg_ts_parser p JOIN pg_namespace n ON n.oid = p.prsnamespace WHERE {user_schema}
  UNION ALL
  SELECT 'TEXT SEARCH TEMPLATE', format('%I.%I', n.nspname, t.tmplname), NULL,
         concat_ws(' ', nullif(t.tmplinit, 0)::regproc, t.tmpllexize), NULL, 'pg_ts_template'::regclass, t.oid
    FROM pg_ts_template t JOIN pg_namespace n ON n.oid = t.tmplnamespace WHERE {user_schema}
  UNION ALL
  SELECT 'STATISTICS', format('%I.%I', n.nspname, s.stxname), s.stxowner,
         concat_ws(' ', 'on', s.stxrelid::regclass, (SELECT string_agg(k::text, ', ' ORDER BY k::text) FROM unnest(s.stxkind) AS k),
           (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname) FROM unnest(s.stxkeys) AS key
              JOIN pg_attribute a ON a.attrelid = s.stxrelid AND a.attnum = key),
           'target ' || nullif(to_jsonb(s) ->> 'stxstattarget', '-1')),
         pg_get_statisticsobjdef(s.oid), 'pg_statistic_ext'::regclass, s.oid
    FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE {user_schema}
  UNION ALL
  SELECT 'FOREIGN DATA WRAPPER', quote_ident(f.fdwname), f.fdwowner,
         concat_ws(' ', 'handler ' || nullif(f.fdwhandler, 0)::regproc, 'validator ' || nullif(f.fdwvalidator, 0)::regproc,
           'with ' || (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM unnest(f.fdwoptions) AS o)), NULL, 'pg_foreign_data_wrapper'::regclass, f.oid
    FROM pg_foreign_data_wrapper f
  UNION ALL
  SELECT 'SERVER', quote_ident(s.srvname), s.srvowner,
         concat_ws(' ', 'of', quote_ident(f.fdwname), 'type ' || s.srvtype, 'version ' || s.srvversion,
           'with ' || (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM unnest(s.srvoptions) AS o)), NULL, 'pg_foreign_server'::regclass, s.oid
    FROM pg_foreign_server s JOIN pg_foreign_data_wrapper f ON f.oid = s.srvfdw
  UNION ALL
  SELECT 'PROCEDURAL LANGUAGE', quote_ident(l.lanname), l.lanowner,
         concat_ws(' ', CASE WHEN l.lanpltrusted THEN 'trusted' END, nullif(l.lanplcallfoid, 0)::regproc, nullif(l.laninline, 0)::regproc, nullif(l.lanvalidator, 0)::regproc),
         NULL, 'pg_language'::regclass, l.oid
    FROM pg_language l WHERE l.oid >= 16384
  UNION ALL
  SELECT 'TRANSFORM', format('FOR %s LANGUAGE %I', format_type(t.trftype, NULL), l.lanname), NULL,
         concat_ws(' ', nullif(t.trffromsql, 0)::regproc, 'to', nullif(t.trftosql, 0)::regproc), NULL, 'pg_transform'::regclass, t.oid
    FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang
  UNION ALL
  SELECT 'ACCESS METHOD', quote_ident(a.amname), NULL, concat_ws(' ', a.amtype, a.amhandler), NULL, 'pg_am'::regclass, a.oid
    FROM pg_am a WHERE a.oid >= 16384
  UNION ALL
  -- Those of a migration are its own.
  SELECT 'PUBLICATION', quote_ident(p.pubname), p.pubowner,
         concat_ws(' ', CASE WHEN p.puballtables THEN 'all tables' END, CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
           CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END, CASE WHEN p.pubviaroot THEN 'via root' END),
         CASE WHEN NOT p.puballtables THEN
           (SELECT string_agg(concat_ws(' ', format('%I.%I', t.schemaname, t.tablename), to_jsonb(t) ->> 'attnames', 'where ' || (to_jsonb(t) ->> 'rowfilter')), ', '
                     ORDER BY format('%I.%I', t.schemaname, t.tablename) COLLATE "C")
              FROM pg_publication_tables t WHERE t.pubname = p.pubname) END,
         'pg_publication'::regclass, p.oid
    FROM pg_publication p WHERE p.pubname !~ '^infra_'
), acl(object, owner, acl, defaults) AS (
  SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || identity, relowner, relacl,
         acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, relowner)
    FROM relation WHERE relacl IS NOT NULL AND relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
  UNION ALL
  SELECT format('COLUMN %s.%I', r.identity, a.attname), r.relowner, a.attacl, acldefault('c', r.relowner)
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid WHERE a.attacl IS NOT NULL AND a.attnum > 0
  UNION ALL
  SELECT 'FUNCTION ' || identity, proowner, proacl, acldefault('f', proowner) FROM routine WHERE proacl IS NOT NULL
  UNION ALL
  SELECT 'TYPE ' || identity, typowner, typacl, acldefault('T', typowner) FROM owned_type WHERE typacl IS NOT NULL
  UNION ALL
  SELECT 'SCHEMA ' || n.nspname, n.nspowner, n.nspacl, acldefault('n', n.nspowner) FROM pg_namespace n
   WHERE n.nspacl IS NOT NULL AND {user_schema}
  UNION ALL
  SELECT format('FOREIGN SERVER %I', srvname), srvowner, srvacl, acldefault('S', srvowner) FROM pg_foreign_server WHERE srvacl IS NOT NULL
  UNION ALL
  SELECT 'DATABASE', datdba, datacl, acldefault('d', datdba) FROM pg_database
   WHERE datname = current_database() AND datacl IS NOT NULL
), default_acl AS (
  SELECT d.*, n.nspname, r.rolname AS who,
         CASE WHEN d.defaclnamespace = 0
              THEN acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's'::"char" ELSE d.defaclobjtype END, d.defaclrole) END AS usual
    FROM pg_default_acl d JOIN pg_roles r ON r.oid = d.defaclrole LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
), came(object, owner, acl, initial) AS (
  -- What came with the server or an extension: only what somebody changed since. Nobody remembers information_schema's.
  SELECT 'FUNCTION ' || p.oid::regprocedure, p.proowner, p.proacl, COALESCE(i.initprivs, acldefault('f', p.proowner))
    FROM pg_proc p LEFT JOIN pg_init_privs i ON i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid
   WHERE p.proacl IS DISTINCT FROM i.initprivs AND NOT EXISTS (SELECT FROM routine r WHERE r.oid = p.oid)
  UNION ALL
  SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || format('%I.%I', n.nspname, c.relname), c.relowner, c.relacl,
         COALESCE(i.initprivs, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, c.relowner))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_init_privs i ON i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = 0
   WHERE c.relacl IS DISTINCT FROM i.initprivs AND NOT EXISTS (SELECT FROM relation r WHERE r.oid = c.oid)
     AND n.nspname NOT IN ('information_schema', {helper_schema}) AND n.nspname !~ '^pg_(toast|temp)'
  UNION ALL
  SELECT format('COLUMN %I.%I.%I', n.nspname, c.relname, a.attname), c.relowner, a.attacl, COALESCE(i.initprivs, acldefault('c', c.relowner))
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_init_privs i ON i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = a.attnum
   WHERE a.attacl IS DISTINCT FROM i.initprivs AND a.attnum > 0 AND NOT EXISTS (SELECT FROM relation r WHERE r.oid = c.oid)
     AND n.nspname NOT IN ('information_schema', {helper_schema}) AND n.nspname !~ '^pg_(toast|temp)'
  UNION ALL
  SELECT 'TYPE ' || format('%I.%I', n.nspname, t.typname), t.typowner, t.typacl, COALESCE(i.initprivs, acldefault('T', t.typowner))
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_init_privs i ON i.classoid = 'pg_type'::regclass AND i.objoid = t.oid
   WHERE t.typacl IS DISTINCT FROM i.initprivs AND NOT EXISTS (SELECT FROM owned_type o WHERE o.oid = t.oid)
  UNION ALL
  SELECT format('FOREIGN DATA WRAPPER %I', f.fdwname), f.fdwowner, f.fdwacl, COALESCE(i.initprivs, acldefault('F', f.fdwowner))
    FROM pg_foreign_data_wrapper f LEFT JOIN pg_init_privs i ON i.classoid = 'pg_foreign_data_wrapper'::regclass AND i.objoid = f.oid
   WHERE f.fdwacl IS DISTINCT FROM i.initprivs
  UNION ALL
  SELECT format('LANGUAGE %I', l.lanname), l.lanowner, l.lanacl, COALESCE(i.initprivs, acldefault('l', l.lanowner))
    FROM pg_language l LEFT JOIN pg_init_privs i ON i.classoid = 'pg_language'::regclass AND i.objoid = l.oid
   WHERE l.lanacl IS DISTINCT FROM i.initprivs
  UNION ALL
  SELECT 'SCHEMA ' || n.nspname, n.nspowner, n.nspacl, COALESCE(i.initprivs, acldefault('n', n.nspowner))
    FROM pg_namespace n LEFT JOIN pg_init_privs i ON i.classoid = 'pg_namespace'::regclass AND i.objoid = n.oid
   WHERE n.nspname = 'pg_catalog' AND n.nspacl IS DISTINCT FROM i.initprivs
)
-- Schemas, tables and what they are made of.
SELECT 'SCHEMA' AS kind, n.nspname::text AS object, '' AS facts, '' AS printed FROM pg_namespace n WHERE {user_schema}
UNION ALL
SELECT 'TABLE', r.identity,
       concat_ws(' ', r.relkind, r.relpersistence, 'replica identity ' || COALESCE((SELECT m.identity FROM remembered m WHERE m.relation = r.oid), r.relreplident)::text,
         CASE WHEN r.relrowsecurity THEN 'row security' END, CASE WHEN r.relforcerowsecurity THEN 'forced' END,
         'with ' || (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(r.reloptions) AS o),
         (SELECT 'of ' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = r.oid),
         'of type ' || format_type(nullif(r.reloftype, 0), NULL),
         (SELECT concat_ws(' ', 'at', quote_ident(s.srvname), '(' || (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM unnest(f.ftoptions) AS o) || ')')
            FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = r.oid)),
       concat_ws(' ', CASE WHEN r.relkind = 'p' THEN 'by ' || pg_get_partkeydef(r.oid) END, pg_get_expr(r.relpartbound, r.oid))
  FROM relation r WHERE r.relkind IN ('r', 'p', 'f')
UNION ALL
SELECT 'COLUMN', format('%s.%I', r.identity, a.attname),
       concat_ws(' ', row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum), format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attnotnull THEN 'not null' END,
         -- From 17 on a partition has its root's.
         CASE WHEN NOT r.relispartition THEN 'identity ' || nullif(a.attidentity::text, '') END, 'generated ' || nullif(a.attgenerated::text, ''),
         'storage ' || a.attstorage::text, 'compression ' || nullif(to_jsonb(a) ->> 'attcompression', ''),
         'collate ' || (SELECT format('%I.%I', cn.nspname, co.collname)
                          FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation),
         'statistics ' || nullif(a.attstattarget, -1), 'with ' || (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(a.attoptions) AS o WHERE o ~ '^n_distinct'),
         'options ' || (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM unnest(a.attfdwoptions) AS o)),
       'default ' || pg_get_expr(d.adbin, d.adrelid)
  FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE r.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'INDEX', format('%I.%I', r.nspname, i.relname),
       concat_ws(' ', 'on', r.identity, CASE WHEN x.indisunique THEN 'unique' END, CASE WHEN (to_jsonb(x) ->> 'indnullsnotdistinct')::bool THEN 'nulls not distinct' END, am.amname,
         (SELECT '(' || string_agg(concat_ws(' ', COALESCE(quote_ident(own.attname), 'expression'),
                   CASE WHEN key.number <= x.indnkeyatts THEN
                     (SELECT format('%I.%I', n.nspname, oc.opcname) FROM pg_opclass oc JOIN pg_namespace n ON n.oid = oc.opcnamespace
                       WHERE oc.oid = x.indclass[key.number::int - 1]) END,
                   array_to_string(a.attoptions, ', '), 'collate ' || nullif(x.indcollation[key.number::int - 1], 0)::regcollation::text,
                   nullif(x.indoption[key.number::int - 1], 0), 'statistics ' || nullif(a.attstattarget, -1)), ', ' ORDER BY key.number) || ')'
            FROM unnest(x.indkey) WITH ORDINALITY AS key(place, number)
            JOIN pg_attribute a ON a.attrelid = x.indexrelid AND a.attnum = key.number
            LEFT JOIN pg_attribute own ON own.attrelid = x.indrelid AND own.attnum = key.place AND key.place <> 0),
         'of them ' || nullif(x.indnatts - x.indnkeyatts, 0) || ' included',
         'with ' || (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(i.reloptions) AS o),
         CASE WHEN NOT x.indisvalid THEN 'INVALID' END,
         CASE WHEN x.indisclustered THEN 'CLUSTERED' END, CASE WHEN x.indisreplident AND NOT EXISTS (SELECT FROM remembered m WHERE m.relation = r.oid) THEN 'REPLICA IDENTITY' END,
         'attached to ' || (SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = i.oid)),
       concat_ws(' ', pg_get_expr(x.indexprs, x.indrelid), 'where ' || pg_get_expr(x.indpred, x.indrelid))
  FROM relation r JOIN pg_index x ON x.indrelid = r.oid JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am am ON am.oid = i.relam
UNION ALL
SELECT 'CONSTRAINT',
       CASE WHEN con.conparentid <> 0 AND con.contype = 'f'
            THEN (SELECT format('%s: of %I at %s to %s', r.identity, top.conname, top.conrelid::regclass, con.confrelid::regclass)
                    FROM original o JOIN pg_constraint top ON top.oid = o.top WHERE o.id = con.oid)
            ELSE format('%s.%I', r.identity, con.conname) END,
       concat_ws(' ', CASE WHEN con.contype IN ('c', 'x') THEN con.contype::text ELSE pg_get_constraintdef(con.oid) END,
         CASE WHEN NOT con.convalidated THEN 'not validated' END,
         CASE WHEN con.condeferrable THEN 'deferrable' END, CASE WHEN con.condeferred THEN 'deferred' END,
         -- A partition's stays when it is detached, whichever it is.
         CASE WHEN con.conislocal AND NOT (r.relispartition AND con.coninhcount > 0) THEN 'local' END,
         CASE WHEN con.connoinherit AND con.contype = 'c' THEN 'not inherited' END),
       CASE WHEN con.contype IN ('c', 'x') THEN pg_get_constraintdef(con.oid) END
  FROM relation r JOIN pg_constraint con ON con.conrelid = r.oid WHERE con.contype <> 'n'
-- Foreign keys that are away for a while.
UNION ALL
SELECT 'CONSTRAINT', l.object, l.facts, NULL FROM loosened l
UNION ALL
SELECT 'COMMENT', format('table constraint %I on %s', l.name, l.identity), l.comment, '' FROM loosened l WHERE l.comment IS NOT NULL
UNION ALL
SELECT 'TRIGGER', format('%s.%I', r.identity, t.tgname),
       regexp_replace(def.text, CASE WHEN t.tgqual IS NULL THEN '$^' ELSE ' WHEN \((.*)\) EXECUTE ' END, ' WHEN … EXECUTE ')
         || ' enabled ' || COALESCE(h.enabled, t.tgenabled::text),
       CASE WHEN t.tgqual IS NOT NULL THEN substring(def.text FROM ' WHEN \((.*)\) EXECUTE ') END
  FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid LEFT JOIN held h ON h.trigger = t.oid
  CROSS JOIN LATERAL pg_get_triggerdef(t.oid) AS def(text) WHERE {user_trigger}
UNION ALL
SELECT 'RULE', format('%s.%I', r.identity, w.rulename),
       concat_ws(' ', 'on', w.ev_type, CASE WHEN w.is_instead THEN 'instead' END, 'enabled', w.ev_enabled), pg_get_ruledef(w.oid)
  FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 'POLICY', format('%s.%I', r.identity, p.polname),
       concat_ws(' ', p.polcmd, CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
         (SELECT 'to ' || string_agg(role, ', ' ORDER BY role COLLATE "C")
            FROM (SELECT CASE WHEN o = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(o)::text END AS role FROM unnest(p.polroles) AS o) AS named)),
       concat_ws(' ', 'using ' || pg_get_expr(p.polqual, p.polrelid), 'check ' || pg_get_expr(p.polwithcheck, p.polrelid))
  FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
UNION ALL
SELECT CASE r.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END, r.identity,
       concat_ws(' ', (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(r.reloptions) AS o),
         CASE WHEN NOT r.relispopulated THEN 'NOT POPULATED' END),
       pg_get_viewdef(r.oid)
  FROM relation r WHERE r.relkind IN ('v', 'm')
UNION ALL
SELECT 'SEQUENCE', r.identity,
       concat_ws(' ', format_type(s.seqtypid, NULL), 'start', s.seqstart, 'by', s.seqincrement, 'from', s.seqmin, 'to', s.seqmax,
         'cache', s.seqcache, CASE WHEN s.seqcycle THEN 'cycle' END,
         (SELECT format('owned by %s.%I', d.refobjid::regclass, a.attname)
            FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
           WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))), ''
  FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid
-- Code and types.
UNION ALL
SELECT 'FUNCTION', r.identity,
       concat_ws(' ', r.prokind, pg_get_function_identity_arguments(r.oid), 'returns ' || pg_get_function_result(r.oid), l.lanname,
         r.provolatile, r.proparallel, CASE WHEN r.proisstrict THEN 'strict' END, CASE WHEN r.prosecdef THEN 'security definer' END,
         CASE WHEN r.proleakproof THEN 'leakproof' END, 'cost ' || r.procost, 'rows ' || r.prorows, 'support ' || nullif(r.prosupport, 0)::regproc,
         'defaults ' || nullif(r.pronargdefaults, 0), 'set ' || (SELECT string_agg(s, ', ' ORDER BY place) FROM unnest(r.proconfig) WITH ORDINALITY AS own (s, place)
           WHERE NOT (s LIKE 'search_path=%' AND EXISTS (SELECT FROM guided g WHERE g.function = r.oid))), nullif(r.probin, ''), nullif(r.prosrc, ''),
         (SELECT concat_ws(' ', aggtransfn, aggfinalfn, aggtranstype::regtype, agginitval, aggkind, aggfinalmodify, nullif(aggnumdirectargs, 0), CASE WHEN aggfinalextra THEN 'extra' END,
            'combine ' || nullif(aggcombinefn, 0)::regproc, 'serial ' || nullif(aggserialfn, 0)::regproc, 'deserial ' || nullif(aggdeserialfn, 0)::regproc,
            'moving ' || nullif(concat_ws(' ', nullif(aggmtransfn, 0)::regproc, nullif(aggminvtransfn, 0)::regproc, nullif(aggmfinalfn, 0)::regproc, nullif(aggmtranstype, 0)::regtype, aggminitval), ''),
            'sorts by ' || nullif(aggsortop, 0)::regoperator) FROM pg_aggregate WHERE aggfnoid = r.oid)),
       -- What is kept as text is a fact.
       CASE WHEN r.prokind <> 'a' AND (r.pronargdefaults > 0 OR l.lanname = 'sql' AND r.prosrc = '') THEN pg_get_functiondef(r.oid) END
  FROM routine r JOIN pg_language l ON l.oid = r.prolang
UNION ALL
SELECT 'TYPE', t.identity,
       concat_ws(' ', t.typtype, nullif(format_type(t.typbasetype, t.typtypmod), '-'), CASE WHEN t.typnotnull THEN 'not null' END,
         (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
         'collate ' || CASE WHEN t.typtype = 'd' THEN nullif(t.typcollation, 0)::regcollation::text END,
         CASE WHEN t.typtype = 'b' THEN concat_ws(' ', t.typinput, t.typoutput, t.typlen, t.typalign, t.typstorage, t.typcategory) END,
         (SELECT concat_ws(' ', 'over', g.rngsubtype::regtype,
                   (SELECT format('by %I.%I', n.nspname, o.opcname) FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace WHERE o.oid = g.rngsubopc),
                   'collate ' || nullif(g.rngcollation, 0)::regcollation, 'canonical ' || nullif(g.rngcanonical, 0)::regproc, 'difference ' || nullif(g.rngsubdiff, 0)::regproc)
            FROM pg_range g WHERE g.rngtypid = t.oid)),
       concat_ws(' ', t.typdefault,
         (SELECT string_agg(c.conname || ' ' || pg_get_constraintdef(c.oid), ', ' ORDER BY c.conname)
            FROM pg_constraint c WHERE c.contypid = t.oid AND c.contype <> 'n'))
  FROM owned_type t
-- Whose options hold passwords: these are not looked at.
UNION ALL
SELECT 'USER MAPPING', format('%s SERVER %I', CASE m.umuser WHEN 0 THEN 'public' ELSE quote_ident(m.usename) END, m.srvname), '', '' FROM pg_user_mappings m
UNION ALL
SELECT r.kind, r.object, r.facts, r.printed FROM rare r WHERE (r.class, r.id) NOT IN (SELECT class, id FROM of_extension)
UNION ALL
SELECT 'EXTENSION', e.extname, n.nspname, '' FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
UNION ALL
SELECT 'EVENT TRIGGER', e.evtname, concat_ws(' ', e.evtevent, e.evtfoid::regprocedure, e.evtenabled, e.evttags), '' FROM pg_event_trigger e
 WHERE e.evtname <> '{identity_trigger}' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e')
-- Whose they are, and who may.
UNION ALL
SELECT 'OWNER', 'TABLE ' || r.identity, pg_get_userbyid(r.relowner), '' FROM relation r WHERE r.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
UNION ALL
-- What a range type makes for itself is its server's first superuser's, whoever that is.
SELECT 'OWNER', 'FUNCTION ' || r.identity, pg_get_userbyid(r.proowner), '' FROM routine r
 WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = r.oid AND d.deptype = 'i')
UNION ALL
SELECT 'OWNER', r.kind || ' ' || r.object, pg_get_userbyid(r.owner), '' FROM rare r
 WHERE r.owner IS NOT NULL AND (r.class, r.id) NOT IN (SELECT class, id FROM of_extension)
UNION ALL
SELECT 'OWNER', 'TYPE ' || t.identity, pg_get_userbyid(t.typowner), '' FROM owned_type t
UNION ALL
SELECT 'OWNER', 'SCHEMA ' || n.nspname, pg_get_userbyid(n.nspowner), '' FROM pg_namespace n WHERE {user_schema}
UNION ALL
-- Beside what holds without being said; the owner may grant itself what it wants.
SELECT 'GRANT', format('%s to %s: %s', a.object, CASE WHEN given.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(given.grantee) END, given.privilege_type),
       CASE WHEN bool_or(given.is_grantable) THEN 'with grant option' ELSE '' END, ''
  FROM acl a CROSS JOIN LATERAL aclexplode(a.acl) AS given
 WHERE given.grantee <> a.owner
   AND NOT EXISTS (SELECT FROM aclexplode(a.defaults) AS usual WHERE (usual.grantee, usual.privilege_type) = (given.grantee, given.privilege_type))
 GROUP BY a.object, given.grantee, given.privilege_type
UNION ALL
SELECT 'REVOKE', format('%s from %s: %s', a.object, CASE WHEN usual.grantee = 0 THEN 'PUBLIC' ELSE 'its owner' END, usual.privilege_type), '', ''
  FROM acl a CROSS JOIN LATERAL aclexplode(a.defaults) AS usual
 WHERE NOT EXISTS (SELECT FROM aclexplode(a.acl) AS given WHERE (usual.grantee, usual.privilege_type) = (given.grantee, given.privilege_type))
   -- A superuser needs no rights.
   AND NOT (usual.grantee = a.owner AND EXISTS (SELECT FROM pg_roles o WHERE o.oid = a.owner AND o.rolsuper))
UNION ALL
SELECT 'GRANT', format('%s to %s: %s', c.object, CASE WHEN given.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(given.grantee) END, given.privilege_type),
       concat_ws(' ', 'beside what came', CASE WHEN bool_or(given.is_grantable) THEN 'with grant option' END), ''
  FROM came c CROSS JOIN LATERAL aclexplode(COALESCE(c.acl, c.initial)) AS given
 WHERE given.grantee <> c.owner
   AND NOT EXISTS (SELECT FROM aclexplode(c.initial) AS came WHERE (came.grantee, came.privilege_type) = (given.grantee, given.privilege_type))
   -- What repeats only what is so.
   AND NOT EXISTS (SELECT FROM aclexplode(COALESCE(c.acl, c.initial)) AS all_may
                    WHERE all_may.grantee = 0 AND given.grantee <> 0 AND all_may.privilege_type = given.privilege_type)
   AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = given.grantee AND r.rolsuper)
 GROUP BY c.object, given.grantee, given.privilege_type
UNION ALL
SELECT 'REVOKE', format('%s from %s: %s', c.object, CASE WHEN came.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(came.grantee) END, came.privilege_type),
       'of what came', ''
  FROM came c CROSS JOIN LATERAL aclexplode(c.initial) AS came
 WHERE came.grantee <> c.owner AND c.acl IS NOT NULL
   AND NOT EXISTS (SELECT FROM aclexplode(c.acl) AS given WHERE (came.grantee, came.privilege_type) = (given.grantee, given.privilege_type))
-- Beside what everybody's objects have without being said.
UNION ALL
SELECT 'DEFAULT GRANT', concat_ws(' ', d.who, d.nspname, d.defaclobjtype, 'to', CASE WHEN given.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(given.grantee) END)
         || ': ' || given.privilege_type, CASE WHEN given.is_grantable THEN 'with grant option' END, ''
  FROM default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) AS given
 WHERE given.grantee <> d.defaclrole
   AND NOT EXISTS (SELECT FROM aclexplode(d.usual) AS usual WHERE (usual.grantee, usual.privilege_type) = (given.grantee, given.privilege_type))
UNION ALL
SELECT 'DEFAULT REVOKE', concat_ws(' ', d.who, d.nspname, d.defaclobjtype, 'from', CASE WHEN usual.grantee = 0 THEN 'PUBLIC' ELSE 'its owner' END)
         || ': ' || usual.privilege_type, '', ''
  FROM default_acl d CROSS JOIN LATERAL aclexplode(d.usual) AS usual
 WHERE NOT EXISTS (SELECT FROM aclexplode(d.defaclacl) AS given WHERE (usual.grantee, usual.privilege_type) = (given.grantee, given.privilege_type))
UNION ALL
SELECT 'SETTING', concat_ws(' ', COALESCE(r.rolname, 'all roles'), CASE WHEN s.setdatabase <> 0 THEN 'in the database' END, split_part(setting, '=', 1)),
       substr(setting, strpos(setting, '=') + 1), ''
  FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole CROSS JOIN LATERAL unnest(s.setconfig) AS setting
 WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
UNION ALL
SELECT 'ROLE', r.rolname, concat_ws(' ', CASE WHEN r.rolcanlogin THEN 'login' END, CASE WHEN r.rolinherit THEN 'inherit' END,
         'at most ' || r.rolconnlimit, 'until ' || r.rolvaliduntil), ''
  FROM pg_roles r WHERE r.rolname !~ '^pg_'
UNION ALL
-- Before 16 a member inherits all of its roles or none, and may act as each of them.
SELECT 'MEMBERSHIP', format('%s in %s', m.rolname, r.rolname),
       concat_ws(' ', CASE WHEN bool_or(a.admin_option) THEN 'with admin option' END,
         CASE WHEN bool_or(COALESCE((to_jsonb(a) ->> 'inherit_option')::bool, m.rolinherit)) THEN 'inherited' END,
         CASE WHEN NOT bool_or(COALESCE((to_jsonb(a) ->> 'set_option')::bool, true)) THEN 'without SET' END), ''
  FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member JOIN pg_roles r ON r.oid = a.roleid
 WHERE m.rolname !~ '^pg_' OR r.rolname !~ '^pg_' GROUP BY m.rolname, r.rolname
UNION ALL
-- json is a word of the language for a later server, which writes it without its schema.
SELECT 'COMMENT', object.type || ' ' || regexp_replace(object.identity, '\mpg_catalog\.json\M', 'json', 'g'), d.description, ''
  FROM pg_description d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) AS object
 WHERE d.objoid >= 16384 AND object.identity IS NOT NULL
   AND object.type <> 'extension' AND COALESCE(object.schema, '') NOT IN ({helper_schema})
   AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = d.classoid AND x.objid = d.objoid AND x.deptype = 'e')
