//! What random databases and those of others found, each as small as it could be made: it goes there and back.

use super::ends::Ends;
use super::{Outcome, fill, journey};

const FOUND: [(&str, &str); 11] = [(
    "a partition that is not its root's owner's",
    "CREATE ROLE found_owner; CREATE TABLE root (id int PRIMARY KEY, note text) PARTITION BY LIST (id);
     CREATE TABLE part PARTITION OF root DEFAULT; ALTER TABLE root OWNER TO found_owner",
), (
    "indexes and statistics on functions that find names by the path, which every statement on the table has to look up",
    concat!(
        include_str!("../cases/search_path.sql"),
        "CREATE INDEX box_key ON box (key_of(title)); CREATE STATISTICS box_keys ON (key_of(title)), size FROM box;
         CREATE UNIQUE INDEX box_unique ON box (id, key_of(title)) WHERE key_of(title) <> '';
         CREATE TABLE named (id int PRIMARY KEY, place regclass DEFAULT 'box'::regclass); INSERT INTO named SELECT generate_series(1, 9);
         CREATE UNLOGGED TABLE sheet (id int, title text); INSERT INTO sheet VALUES (1, 'A'); CREATE INDEX sheet_key ON sheet (key_of(title));
         CREATE TABLE pages (id int PRIMARY KEY, words tsvector); INSERT INTO pages VALUES (1, 'a b');
         CREATE MATERIALIZED VIEW words AS SELECT word FROM ts_stat('SELECT words FROM pages');
         CREATE MATERIALIZED VIEW keys AS SELECT id, key_of(title) AS key FROM box"
    ),
), (
    "functions and operators of somebody's that fit better than the system's",
    "ALTER DATABASE :DBNAME SET search_path = public, pg_catalog;
     CREATE TABLE item (code varchar(9) PRIMARY KEY, body varchar, size char(4), other varchar REFERENCES item);
     INSERT INTO item VALUES ('a', 'one', 'x', NULL), ('b', 'two', 'y', 'a');
     CREATE FUNCTION lie(varchar, varchar) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
     CREATE FUNCTION lie(char, char) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
     CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = lie);
     CREATE OPERATOR public.= (LEFTARG = char, RIGHTARG = char, FUNCTION = lie);
     CREATE FUNCTION public.hashtextextended(varchar, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 0::bigint';
     CREATE FUNCTION public.octet_length(varchar) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1 / 0'",
), (
    "a path that a role brings, or `$user`",
    "CREATE ROLE found_app; CREATE SCHEMA found_app; CREATE SCHEMA found_lib; ALTER ROLE found_app SET search_path = found_lib;
     CREATE FUNCTION found_lib.folded(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t)';
     CREATE FUNCTION found_app.shown(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper(t)';
     CREATE TABLE person (id int PRIMARY KEY, name text);
     SET search_path = public, found_lib, found_app;
     CREATE FUNCTION key_of(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT folded(t) || shown(t)'; CREATE INDEX person_key ON person (key_of(name));
      INSERT INTO person SELECT n, 'P' || n FROM generate_series(1, 5) AS n",
), (
    "a partitioned table without a key whose rows nobody can find, with a foreign key",
    "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE leaf (parent int REFERENCES parent, body json) PARTITION BY RANGE (parent);
     CREATE TABLE leaf_1 PARTITION OF leaf FOR VALUES FROM (MINVALUE) TO (0); CREATE TABLE leaf_2 PARTITION OF leaf DEFAULT",
),
    (
        "json, which a later server names without its schema",
        "CREATE TABLE note (id int PRIMARY KEY, body json);
     CREATE FUNCTION title(json) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1 ->> 't' $$;
     COMMENT ON FUNCTION title(json) IS 'its t'; CREATE VIEW titles AS SELECT id, title(body) FROM note",
    ),
    (
        "triggers that fire for replicated rows too, deferred ones and those of a partition among them",
        "CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);
     CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log (what) VALUES (TG_NAME); RETURN NEW; END $$;
     CREATE TABLE item (id int PRIMARY KEY, name text); CREATE TABLE part_of (id int PRIMARY KEY, name text) PARTITION BY RANGE (id);
     CREATE TABLE some_part PARTITION OF part_of DEFAULT;
     CREATE TRIGGER \"at; once\" AFTER INSERT OR UPDATE ON item FOR EACH ROW EXECUTE FUNCTION noted(); ALTER TABLE item ENABLE ALWAYS TRIGGER \"at; once\";
     CREATE CONSTRAINT TRIGGER later AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION noted();
     ALTER TABLE item ENABLE ALWAYS TRIGGER later;
     CREATE TRIGGER at_replica AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION noted(); ALTER TABLE item ENABLE REPLICA TRIGGER at_replica;
     CREATE TRIGGER on_part AFTER INSERT ON part_of FOR EACH ROW EXECUTE FUNCTION noted(); ALTER TABLE some_part ENABLE ALWAYS TRIGGER on_part;
     CREATE ROLE found_keeper; ALTER TABLE item OWNER TO found_keeper; GRANT ALL ON log TO found_keeper",
    ),
    (
        "a followed table that points to one which is carried in the pause",
        "CREATE TABLE sheet (number int UNIQUE, body json); INSERT INTO sheet SELECT n, '{}' FROM generate_series(1, 9) AS n;
     CREATE TABLE line (id int PRIMARY KEY, sheet int REFERENCES sheet (number) ON DELETE CASCADE); INSERT INTO line SELECT n, n FROM generate_series(1, 9) AS n",
    ),
    (
        "a hash index, by which a subscriber from 17 on does not find a row that is NULL there",
        "CREATE TABLE item (n int, name text); CREATE INDEX item_name ON item USING hash (name); INSERT INTO item VALUES (1, NULL), (2, 'a');
     CREATE TABLE root (n int, name text) PARTITION BY LIST (n); CREATE TABLE some_of_it PARTITION OF root FOR VALUES IN (1, 2, 3);
     CREATE TABLE rest_of_it PARTITION OF root DEFAULT; CREATE INDEX some_name ON some_of_it USING hash (name); INSERT INTO root SELECT n FROM generate_series(1, 9) AS n",
    ),
    (
        "a primary key that the server computes",
        "CREATE TABLE torrent (hash text NOT NULL, kind text, id text GENERATED ALWAYS AS (hash || coalesce(kind, '')) STORED PRIMARY KEY, seen int);
     INSERT INTO torrent (hash, kind, seen) SELECT n, 'k', n FROM generate_series(1, 9) AS n",
    ),
    (
        "row security that holds for owners too, on a table that is carried in the pause",
        "CREATE UNLOGGED TABLE visit (id int PRIMARY KEY, who text); INSERT INTO visit SELECT n, 'w' FROM generate_series(1, 9) AS n;
     ALTER TABLE visit ENABLE ROW LEVEL SECURITY; ALTER TABLE visit FORCE ROW LEVEL SECURITY; CREATE POLICY own ON visit USING (who = current_user)",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_goes_there_and_back() {
    let ends = Ends::new();
    for (number, (what, sql)) in FOUND.into_iter().enumerate() {
        assert_eq!(ends.make("found", sql), Vec::<String>::new(), "{what}");
        fill::fill(&ends.old.connect("found").await, 10, 5).await;
        let outcome = journey(&ends, "found", number as u64 + 1).await;
        ends.forget("found");
        assert!(matches!(&outcome, Outcome::Equal(figures) if figures.rows > 0), "{what}: {outcome}");
    }
}
