-- An object that the owner of the schema public owns.
CREATE TABLE notice (id int PRIMARY KEY);
ALTER TABLE notice OWNER TO pg_database_owner;
