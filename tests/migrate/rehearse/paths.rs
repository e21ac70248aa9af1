//! What pg_dump's empty search_path does not find, or finds as something else, is made as it was.

use infra::migrate::rehearse::{SourceDefinitions, arrives_otherwise};
use infra::migrate::schema::{Consequence, Phase};
use infra::migrate::verify::{End, Options, other_uses, read_objects, read_uses, verify};
use infra::postgres::{Endpoint, connect};

use super::{Case, loss};

async fn is_made_of_the_same(case: &Case) {
    let client = async |url: &str| connect(&Endpoint::parse(url).unwrap(), "test").await.unwrap();
    let here = read_uses(&client(&case.source.url("moving")).await).await.unwrap();
    let there = read_uses(&client(&case.target.url("moved")).await).await.unwrap();
    assert!(!here.is_empty());
    assert_eq!(other_uses(&here, &there), []);
}

#[tokio::test]
async fn operators_are_those_of_the_source() {
    let case = Case::of(&format!(
        "{};
         CREATE RULE moved AS ON UPDATE TO person WHERE OLD.mail IS DISTINCT FROM NEW.mail DO ALSO NOTHING;
         CREATE TABLE kept (mail citext CHECK (NULLIF(mail, 'X') IS NOT NULL), other citext,
           same boolean GENERATED ALWAYS AS (mail IS NOT DISTINCT FROM other) STORED,
           fine boolean DEFAULT ((1, 'a'::citext) IN ((1, 'A'::citext))));
         CREATE MATERIALIZED VIEW paths AS SELECT id FROM person WHERE path IN ('eu.at'::ltree) OR (id, path) IN ((1, 'x'::ltree))",
        include_str!("../cases/operators.sql")
    ));
    let (schema, _) = case.rehearse().await;
    assert!(schema.losses.iter().all(|loss| loss.consequence == Consequence::Note), "{:#?}", schema.losses);
    case.move_all(&schema).await;
    is_made_of_the_same(&case).await;
    assert_eq!(
        case.target.psql("moved", "SELECT (SELECT count(*) FROM moved), (SELECT count(*) FROM home WHERE home = 1)"),
        "0|1"
    );
}

#[tokio::test]
async fn functions_that_run_on_rows_have_the_databases_path_until_the_clients_come() {
    let case = Case::of(include_str!("../cases/search_path.sql"));
    let (schema, _) = case.rehearse().await;
    assert!(schema.losses.iter().all(|loss| loss.consequence == Consequence::Note), "{:#?}", schema.losses);
    loss(&schema, "function-path", "FUNCTION app.key_of(text)");
    case.move_all(&schema).await;
    assert_eq!(case.target.psql("moved", "SELECT count(*), min(slug) FROM app.box"), "300|box 1!");
    let paths =
        "SELECT count(*) FROM pg_proc WHERE proconfig::text ~ 'search_path' AND pronamespace = 'app'::regnamespace";
    assert_eq!(case.target.psql("moved", paths), "0", "taken back");
    let back = schema.entries.iter().filter(|entry| entry.phase == Phase::HandOver && entry.undo.is_some());
    assert_eq!(back.count(), 2);
}

/// PostgreSQL 17 builds indexes and fills materialized views under the system's path alone.
#[tokio::test]
async fn functions_of_indexes_keep_a_path_and_what_takes_sql_as_text_is_told() {
    let sql = format!(
        "{};
         CREATE INDEX box_key ON box (key_of(title));
         CREATE MATERIALIZED VIEW keys AS SELECT key_of(title) AS key FROM box;
         CREATE TABLE pages (words tsvector); INSERT INTO pages VALUES ('a b');
         CREATE MATERIALIZED VIEW words AS SELECT word FROM ts_stat('SELECT words FROM pages')",
        include_str!("../cases/search_path.sql")
    );
    let case = Case::of(&sql);
    let (schema, _) = case.rehearse().await;
    let kept = loss(&schema, "function-path-kept", "FUNCTION app.key_of(text)");
    assert_eq!(kept.consequence, Consequence::Consent);
    let unfilled = loss(&schema, "refused-by-target", "REFRESH app.words");
    assert_eq!(unfilled.consequence, Consequence::Consent);
    assert!(unfilled.what.contains("pages"), "{unfilled:?}");
}

/// Nobody had to quote these at the old server.
#[tokio::test]
async fn names_that_became_words_of_the_language_are_carried() {
    let sql = "CREATE TYPE period AS (plan int, nested text);
        CREATE TABLE t (id int PRIMARY KEY, json text, json_table text CHECK (json_table <> 'x'), system_user text CHECK (system_user <> 'x'), plan period);
        CREATE INDEX ON t (json_table, lower(system_user));
        CREATE TABLE json_object (json_scalar int REFERENCES t, merge_action text DEFAULT 'x');
        CREATE FUNCTION f(json json, json_array int[]) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN json; END';
        CREATE FUNCTION json_serialize(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
        CREATE FUNCTION json_scalar(n int) RETURNS TABLE (json_value int, period text) LANGUAGE sql BEGIN ATOMIC SELECT n AS json_value, 'x'::text; END;
        CREATE FUNCTION counts() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.t AS json_table WHERE json_table.id > 0';
        CREATE FUNCTION fails() RETURNS int LANGUAGE sql AS 'SELECT max(system_user.id) FROM public.t AS system_user';
        CREATE FUNCTION fails_too() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT max(system_user.id) FROM public.t AS system_user); END';
        CREATE VIEW json_exists AS SELECT json_table.json, public.json_serialize(json_table.system_user) AS json_query FROM t AS json_table;
        CREATE AGGREGATE json_objectagg_(int) (SFUNC = int4pl, STYPE = int);
        ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY json ON t USING (system_user IS NOT NULL);
        INSERT INTO t VALUES (1, 'a', 'b', 'c', (1, 'n')); INSERT INTO json_object VALUES (1)";
    let case = Case::of(sql);
    let (schema, rehearsal) = case.rehearse().await;
    let asked = schema.losses.iter().filter(|loss| loss.consequence != Consequence::Note);
    let told: Vec<_> = asked.map(|loss| (loss.code.as_str(), loss.object.as_str())).collect();
    let texts = [("function-text", "FUNCTION public.fails()"), ("function-text", "FUNCTION public.fails_too()")];
    assert_eq!(told, texts, "{:#?}", schema.losses);
    case.move_all(&schema).await;
    let at = |url: &str| Endpoint::parse(url).unwrap();
    let old = connect(&at(&case.source.url("moving")), "test").await.unwrap();
    let source = SourceDefinitions { objects: read_objects(&old).await.unwrap(), uses: read_uses(&old).await.unwrap() };
    let (prints, otherwise) = arrives_otherwise(source, &rehearsal, (&schema, &case.catalog().await, "master"));
    assert_eq!(otherwise, []);
    let (from, to) = (End::new(at(&case.source.url("moving"))), End::new(case.endpoint()));
    let options = Options { losses: schema.losses.clone(), prints, ..Options::default() };
    let report = verify(&from, &to, &options, |_| ()).await.unwrap();
    assert!(report.matches() && report.rows() == 2, "{}", report.markdown());
}
