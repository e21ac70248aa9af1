-- Made directly, as most databases are, and not loaded from a dump: PostgreSQL prints a definition that it has read from its
-- own print differently, once.
CREATE TABLE ticket (id int PRIMARY KEY, state varchar(20) CHECK (state IN ('open', 'done')), low int, high int,
                     CHECK (low BETWEEN 1 AND 500 AND high > 0),
                     closed boolean GENERATED ALWAYS AS (state IN ('done', 'gone')) STORED,
                     fresh boolean DEFAULT ('x'::varchar IN ('a', 'b')));
CREATE INDEX ticket_open ON ticket (low) WHERE state IN ('open', 'done');
CREATE VIEW kind AS SELECT kind FROM (SELECT 'x' AS kind UNION ALL SELECT 'y') AS q;
CREATE VIEW others AS SELECT id FROM ticket WHERE state NOT IN ('open', 'done');
CREATE VIEW letters AS SELECT id, ARRAY(SELECT 'z' FROM ticket) AS z FROM ticket;
CREATE VIEW nothing AS SELECT a FROM (SELECT id, low AS a FROM ticket UNION ALL SELECT id, NULL FROM ticket) AS q;
CREATE DOMAIN size AS varchar(10) CHECK (VALUE IN ('s', 'm', 'l'));
CREATE STATISTICS ticket_state ON (state IN ('open', 'done')), low FROM ticket;
CREATE POLICY open_only ON ticket USING (state IN ('open', 'done'));
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON ticket FOR EACH ROW WHEN (NEW.state IN ('open', 'done')) EXECUTE FUNCTION touch();
CREATE FUNCTION is_open(varchar) RETURNS boolean LANGUAGE sql BEGIN ATOMIC SELECT $1 IN ('open', 'done'); END;
CREATE MATERIALIZED VIEW two AS SELECT 'x' AS kind UNION SELECT 'y';
INSERT INTO ticket (id, state, low, high) VALUES (1, 'open', 5, 7);
-- An attached partition without its parent's default, on a type with a modifier: "default NULL::timestamp" differs.
CREATE TABLE beat (id int, at timestamp(3) NOT NULL DEFAULT now(), PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE beat_22 (id int NOT NULL, at timestamp(3) NOT NULL);
ALTER TABLE beat ATTACH PARTITION beat_22 FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
