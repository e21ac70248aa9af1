-- Roles that own, are granted and are set up; the database's own settings.
CREATE ROLE app LOGIN PASSWORD 'never-carried' CONNECTION LIMIT 20;
CREATE ROLE reporting NOLOGIN;
CREATE ROLE "Mixed Case" LOGIN VALID UNTIL '2031-05-04 03:02:01+00';
CREATE ROLE analyst LOGIN IN ROLE reporting;
CREATE ROLE lead NOINHERIT ROLE analyst;
GRANT reporting TO lead WITH ADMIN OPTION;
CREATE ROLE deployer CREATEROLE CREATEDB;
ALTER ROLE app SET work_mem = '8MB';
ALTER ROLE analyst SET search_path = 'shop, "Odd Schema"';
CREATE SCHEMA shop AUTHORIZATION app;
CREATE SCHEMA "Odd Schema";
CREATE SCHEMA levels;
COMMENT ON SCHEMA shop IS 'What is sold; it''s a \ long story';
GRANT USAGE ON SCHEMA shop TO reporting, "Mixed Case";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA shop GRANT SELECT ON TABLES TO reporting;
ALTER DEFAULT PRIVILEGES FOR ROLE app REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
DO $$
BEGIN
  EXECUTE format('ALTER DATABASE %I SET timezone = ''Europe/Vienna''', current_database());
  EXECUTE format('ALTER DATABASE %I SET search_path = public, shop', current_database());
  EXECUTE format('ALTER ROLE app IN DATABASE %I SET statement_timeout = ''7min''', current_database());
  EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO app', current_database());
  EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO app, reporting, "Mixed Case", deployer', current_database());
  EXECUTE format('COMMENT ON DATABASE %I IS ''the corpus''', current_database());
END $$;
