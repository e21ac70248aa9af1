SELECT r.rolname AS role,
       member.rolname AS member,
       bool_or(m.admin_option) AS admin,
       bool_or((to_jsonb(m) ->> 'inherit_option')::bool) AS inherit,
       bool_or((to_jsonb(m) ->> 'set_option')::bool) AS "set"
  FROM pg_auth_members m
  JOIN pg_roles r ON r.oid = m.roleid
  JOIN pg_roles member ON member.oid = m.member
 -- Among the server's own it made them itself.
 WHERE member.rolname !~ '^pg_' OR r.rolname !~ '^pg_'
 GROUP BY r.rolname, member.rolname
 ORDER BY r.rolname, member.rolname
