-- What PostgreSQL 13 and all later versions know.
CREATE EXTENSION IF NOT EXISTS citext;
CREATE SCHEMA ever;
CREATE TYPE ever.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN ever.code AS varchar(10) CHECK (VALUE IN ('a', 'b', 'c'));
CREATE TYPE ever.point3 AS (x float8, y float8, z numeric(6, 2));
CREATE TABLE ever.people (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name varchar(50) NOT NULL CHECK (name <> ''),
  mail citext UNIQUE,
  state varchar(20) DEFAULT 'open' CHECK (state IN ('open', 'done')),
  code ever.code, mood ever.mood DEFAULT 'ok', place ever.point3,
  lower_name text GENERATED ALWAYS AS (lower(name)) STORED,
  tags text[], data jsonb, raw bytea, since timestamptz DEFAULT now(), span tstzrange, price money, net inet
);
INSERT INTO ever.people (name, mail, code, place, tags, data, raw, span, price, net)
  SELECT 'Name ' || n, 'm' || n || '@x', 'b', ROW(n, n / 3.0, n)::ever.point3, ARRAY['t' || n, NULL], jsonb_build_object('n', n),
         decode(md5(n::text), 'hex'), tstzrange(now(), now() + n * interval '1 hour'), n::text::money, '10.0.0.1'
    FROM generate_series(1, 2000) AS n;
CREATE INDEX ON ever.people (lower(name)) WHERE state IN ('open', 'done');
CREATE TABLE ever.events (at timestamptz NOT NULL, person bigint REFERENCES ever.people ON DELETE CASCADE, what text) PARTITION BY RANGE (at);
CREATE TABLE ever.events_1 PARTITION OF ever.events FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2026-07-01 00:00+00');
CREATE TABLE ever.events_2 PARTITION OF ever.events DEFAULT;
CREATE INDEX ON ever.events (person, at DESC);
INSERT INTO ever.events SELECT '2026-01-01 00:00+00'::timestamptz + n * interval '5 hours', 1 + n % 2000, 'w' FROM generate_series(1, 3000) AS n;
CREATE TABLE ever.sums (n int, twice int GENERATED ALWAYS AS (n * 2) STORED); INSERT INTO ever.sums SELECT generate_series(1, 20);
CREATE VIEW ever.open_people AS SELECT p.id, p.name, count(e.at) AS events FROM ever.people p LEFT JOIN ever.events e ON e.person = p.id
  WHERE p.state NOT IN ('done') GROUP BY p.id;
CREATE MATERIALIZED VIEW ever.by_mood AS SELECT mood, count(*) FROM ever.people GROUP BY 1;
CREATE FUNCTION ever.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.since := now(); RETURN NEW; END $$;
-- Partitions have it too, before 15 as one of the server's own.
CREATE FUNCTION ever.said() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER said AFTER INSERT OR UPDATE ON ever.events FOR EACH ROW EXECUTE FUNCTION ever.said();
CREATE TRIGGER touched BEFORE UPDATE ON ever.people FOR EACH ROW WHEN (NEW.state IN ('open', 'done')) EXECUTE FUNCTION ever.touch();
CREATE ROLE ever_reader; GRANT USAGE ON SCHEMA ever TO ever_reader; GRANT SELECT ON ALL TABLES IN SCHEMA ever TO ever_reader;
ALTER TABLE ever.people ENABLE ROW LEVEL SECURITY;
CREATE POLICY readers ON ever.people FOR SELECT TO ever_reader USING (state = 'open');
COMMENT ON COLUMN ever.people.mail IS 'as they write it';
CREATE SEQUENCE ever.loose START 100 INCREMENT 5; SELECT setval('ever.loose', 250);
SELECT lo_from_bytea(0, '\x010203');
