-- The roles of a new instance. The master user is what its CreateDBInstance names: no superuser, but a member of
-- rds_superuser. Superuser is rdsadmin alone, whom no connection from outside can be.
\getenv master POSTGRES_USER
\getenv password POSTGRES_PASSWORD
\getenv database POSTGRES_DB

CREATE ROLE rds_superuser NOLOGIN;
CREATE ROLE rds_replication NOLOGIN;
CREATE ROLE rds_password NOLOGIN;
GRANT pg_monitor, pg_signal_backend, pg_checkpoint, pg_create_subscription, pg_use_reserved_connections,
  rds_replication, rds_password TO rds_superuser WITH ADMIN OPTION;
GRANT SET ON PARAMETER session_replication_role, log_statement, log_min_duration_statement, track_functions
  TO rds_superuser;

CREATE ROLE :"master" LOGIN CREATEROLE CREATEDB REPLICATION VALID UNTIL 'infinity' PASSWORD :'password';
GRANT rds_superuser TO :"master" WITH ADMIN OPTION;

CREATE DATABASE rdsadmin;
REVOKE ALL ON DATABASE rdsadmin FROM PUBLIC;
ALTER DATABASE postgres OWNER TO :"master";
ALTER DATABASE template1 OWNER TO :"master";
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'master') WHERE :'database' <> 'postgres' \gexec
