SELECT r.rolname AS name,
       r.rolsuper AS superuser,
       r.rolinherit AS inherit,
       r.rolcreaterole AS create_role,
       r.rolcreatedb AS create_database,
       r.rolcanlogin AS login,
       r.rolreplication AS replication,
       r.rolbypassrls AS bypass_row_security,
       r.rolconnlimit AS connection_limit,
       r.rolvaliduntil::text AS valid_until,
       -- 10 is the role that initdb made: what it owns is not recorded as a dependency.
       r.oid = 10 OR EXISTS (
         SELECT FROM pg_shdepend d
          WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid
            AND (d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                 OR d.classid = 'pg_database'::regclass
                    AND d.objid = (SELECT oid FROM pg_database WHERE datname = current_database()))) AS used_here
  FROM pg_roles r
 WHERE r.rolname !~ '^pg_'
 ORDER BY r.rolname
