//! Rows that another order of texts leaves without a partition are told before anything is copied.

use super::Case;
use crate::servers::SUPERUSER;

const TABLES: &str = "CREATE TABLE word (n int, word text) PARTITION BY RANGE (word);
    CREATE TABLE word_1 PARTITION OF word FOR VALUES FROM ('A') TO ('c') PARTITION BY HASH (n);
    CREATE TABLE word_1_all PARTITION OF word_1 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
    CREATE TABLE \"Kept\" (\"Word\" text COLLATE \"C\") PARTITION BY RANGE (\"Word\");
    CREATE TABLE kept_1 PARTITION OF \"Kept\" FOR VALUES FROM ('A') TO ('c');
    CREATE TABLE rest (word text) PARTITION BY RANGE (word);
    CREATE TABLE rest_1 PARTITION OF rest FOR VALUES FROM ('A') TO ('c');
    CREATE TABLE rest_2 PARTITION OF rest DEFAULT;
    INSERT INTO \"Kept\" VALUES ('Z'), ('a'); INSERT INTO rest VALUES ('Z'), ('a'), ('z');
    INSERT INTO word VALUES (1, 'Az'), (2, 'b')";

#[tokio::test]
async fn rows_that_no_partition_takes_are_told() {
    let case = Case::of(TABLES);
    case.target.psql(
        SUPERUSER,
        "DROP DATABASE moved; CREATE DATABASE moved OWNER master TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C.UTF-8'",
    );
    let (schema, _) = case.rehearse().await;
    let told = |schema: &infra::migrate::schema::Schema| {
        let found = schema.losses.iter().filter(|loss| loss.code == "refused-by-target");
        found.map(|loss| (loss.object.clone(), loss.what.clone())).collect::<Vec<_>>()
    };
    assert_eq!(told(&schema), [], "rows that fit, whatever the order");
    case.source.psql("moving", "INSERT INTO word VALUES (3, 'Z'), (4, 'Z'), (5, 'X')");
    let (schema, _) = case.rehearse().await;
    let told = told(&schema);
    assert!(
        matches!(&told[..], [(object, what)] if object == "TABLE public.word" && what.contains("3 keys") && what.contains("(3,Z)")),
        "{told:?}"
    );
}
