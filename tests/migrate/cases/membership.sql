-- Roles that the superuser is a member of, that are members of it, with and without the right to grant them, and of the
-- server's own roles.
CREATE ROLE app_owner;
GRANT app_owner TO postgres;
CREATE ROLE app_admin;
GRANT app_admin TO postgres WITH ADMIN OPTION;
CREATE TABLE owned (id int PRIMARY KEY);
ALTER TABLE owned OWNER TO app_owner;
CREATE ROLE second_superuser SUPERUSER;
GRANT app_owner TO second_superuser WITH ADMIN OPTION;
-- As the target's user may be called, who is none.
CREATE ROLE master SUPERUSER LOGIN;
GRANT app_admin TO master WITH ADMIN OPTION;
CREATE ROLE clerk NOINHERIT;
GRANT app_owner TO clerk;
GRANT app_admin TO app_owner WITH ADMIN OPTION;
SET SESSION AUTHORIZATION app_owner;
GRANT app_admin TO clerk;
RESET SESSION AUTHORIZATION;
GRANT pg_monitor TO clerk;
CREATE ROLE watched;
GRANT watched TO pg_monitor;
-- And what the superuser gives by default.
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO clerk;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO clerk WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
