-- Rights on what belongs to the server or to an extension, as far as they differ from how it came; named as pg_dump tags them.
WITH member AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), theirs(object, schema, owner, acl, usual) AS (
  SELECT format('%s %I(%s)', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.proname, pg_get_function_identity_arguments(p.oid)),
         n.nspname, p.proowner, p.proacl, COALESCE(i.initprivs, acldefault('f', p.proowner))
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    LEFT JOIN pg_init_privs i ON i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid AND i.objsubid = 0
   WHERE p.proacl IS NOT NULL
     AND (n.nspname = 'pg_catalog' OR ('pg_proc'::regclass, p.oid) IN (SELECT classid, objid FROM member))
  UNION ALL
  SELECT format('%s %I', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.relname), n.nspname, c.relowner, c.relacl,
         COALESCE(i.initprivs, acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, c.relowner))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_init_privs i ON i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = 0
   WHERE c.relacl IS NOT NULL AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
     AND (n.nspname = 'pg_catalog' OR ('pg_class'::regclass, c.oid) IN (SELECT classid, objid FROM member))
  UNION ALL
  SELECT format('COLUMN %I.%I', c.relname, a.attname), n.nspname, c.relowner, a.attacl, COALESCE(i.initprivs, acldefault('c', c.relowner))
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_init_privs i ON i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = a.attnum
   WHERE a.attacl IS NOT NULL
     AND (n.nspname = 'pg_catalog' OR ('pg_class'::regclass, c.oid) IN (SELECT classid, objid FROM member))
)
SELECT t.object, t.schema,
       -- What holds anyway is no change: for a superuser, and where everybody may.
       COALESCE((SELECT json_agg(change ORDER BY change) FROM (
         SELECT format('GRANT %s TO %s', given.privilege_type, CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(given.grantee) END)
           FROM aclexplode(t.acl) AS given
          WHERE given.grantee <> t.owner
            AND NOT EXISTS (SELECT FROM aclexplode(t.usual) AS u WHERE (u.grantee, u.privilege_type) = (given.grantee, given.privilege_type))
            AND NOT EXISTS (SELECT FROM aclexplode(t.acl) AS all_may
                             WHERE all_may.grantee = 0 AND given.grantee <> 0 AND all_may.privilege_type = given.privilege_type)
            AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = given.grantee AND r.rolsuper)
         UNION ALL
         SELECT format('REVOKE %s FROM %s', usual.privilege_type, CASE usual.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(usual.grantee) END)
           FROM aclexplode(t.usual) AS usual
          WHERE usual.grantee <> t.owner
            AND NOT EXISTS (SELECT FROM aclexplode(t.acl) AS a WHERE (a.grantee, a.privilege_type) = (usual.grantee, usual.privilege_type))
       ) AS changes(change)), '[]') AS changes
  FROM theirs t
 WHERE t.acl IS DISTINCT FROM t.usual
 ORDER BY 2, 1
