-- On RDS a member of rds_replication may replicate. PostgreSQL knows only the attribute of the role itself, so it
-- follows the membership, ten times a second.
SET application_name = 'rdsadmin';
DO $$
DECLARE role record;
BEGIN
  FOR role IN
    SELECT rolname, pg_has_role(oid, 'rds_replication', 'MEMBER') AS wanted FROM pg_roles
    WHERE NOT rolsuper AND rolcanlogin AND rolreplication <> pg_has_role(oid, 'rds_replication', 'MEMBER')
  LOOP
    EXECUTE format('ALTER ROLE %I %s', role.rolname, CASE WHEN role.wanted THEN 'REPLICATION' ELSE 'NOREPLICATION' END);
  END LOOP;
END $$ \watch 0.1
