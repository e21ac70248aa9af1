SELECT d.datname AS name,
       current_setting('server_version_num')::int AS server_version,
       pg_get_userbyid(d.datdba) AS owner,
       pg_encoding_to_char(d.encoding) AS encoding,
       -- Columns that not every version has are read through JSON, where they are null.
       COALESCE(to_jsonb(d) ->> 'datlocprovider', 'c') AS locale_provider,
       d.datcollate AS collate,
       d.datctype AS ctype,
       COALESCE(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale,
       to_jsonb(d) ->> 'datcollversion' AS collation_version,
       {database_collation_version} AS actual_collation_version,
       t.spcname AS tablespace,
       shobj_description(d.oid, 'pg_database') AS comment,
       -- Null means the defaults.
       (SELECT json_agg(json_build_object(
                 'grantee', CASE WHEN acl.grantee <> 0 THEN pg_get_userbyid(acl.grantee) END,
                 'privilege', acl.privilege_type,
                 'grantable', acl.is_grantable) ORDER BY acl.grantee, acl.privilege_type)
          FROM aclexplode(d.datacl) AS acl) AS privileges,
       pg_database_size(d.oid) AS bytes
  FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace
 WHERE d.datname = current_database()
