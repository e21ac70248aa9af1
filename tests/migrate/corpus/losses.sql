-- What cannot be carried over by a role without superuser, or by nobody; nothing above depends on it.
CREATE EXTENSION postgres_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '203.0.113.9', dbname 'far');
CREATE USER MAPPING FOR app SERVER elsewhere OPTIONS (user 'far', password 'a planted secret');
CREATE FOREIGN TABLE far_away (id integer) SERVER elsewhere;
COMMENT ON EXTENSION hstore IS 'pairs';
CREATE PUBLICATION part FOR TABLE shop.customers, shop.orders WHERE (amount > 1);
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE PUBLICATION one_schema FOR TABLES IN SCHEMA levels;
CREATE SUBSCRIPTION from_elsewhere CONNECTION 'host=203.0.113.9 password=planted' PUBLICATION x WITH (connect = false);
CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RETURN; END';
CREATE EVENT TRIGGER watch_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl();
ALTER ROLE deployer SET log_statement = 'all';
CREATE ROLE owner_of_all SUPERUSER LOGIN;
CREATE ROLE copier LOGIN REPLICATION BYPASSRLS;
CREATE TABLE owned_by_superuser (id integer PRIMARY KEY);
ALTER TABLE owned_by_superuser OWNER TO owner_of_all;
-- A failed CREATE INDEX CONCURRENTLY leaves an index that is never used; pg_dump passes over it in silence.
\set ON_ERROR_STOP off
CREATE UNIQUE INDEX CONCURRENTLY duplicates_invalid ON duplicates (a, b);
\set ON_ERROR_STOP on
