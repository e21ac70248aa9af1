//! What pg_dump's empty search_path does not find, or finds as something else, is made as it was.

use infra::migrate::schema::{Consequence, Phase};
use infra::migrate::verify::{other_uses, read_uses};
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
    case.move_all(&schema).await;
    assert_eq!(case.target.psql("moved", "SELECT count(*) FROM app.keys"), "300");
}
