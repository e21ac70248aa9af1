//! Tables that inherit have their columns in the same order at both ends, however they came to it.

use super::{Case, loss};

const ORDER: &str = "SELECT string_agg(format('%s.%s %s %s', c.relname, a.attname, a.attislocal, a.attinhcount), ', ' ORDER BY c.relname, a.attnum)
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0";
const CONSTRAINTS: &str = "SELECT string_agg(concat_ws(' ', conrelid::regclass, conname, conislocal, coninhcount, pg_get_constraintdef(oid)), ', ' ORDER BY conrelid::regclass::text, conname)
      FROM pg_constraint WHERE contype = 'c'";

#[tokio::test]
async fn the_order_of_columns_stays() {
    let sql = format!(
        "{};
         CREATE TABLE plain (a int, b int CHECK (b > 0)); CREATE TABLE plainer (c int) INHERITS (plain); INSERT INTO plainer VALUES (1, 2, 3);
         ALTER TABLE shape ADD COLUMN \"of, it\" numeric(5,2) DEFAULT 1.5 NOT NULL CHECK (\"of, it\" > 0)",
        include_str!("../cases/inherited.sql")
    );
    let case = Case::of(&sql);
    let (schema, _) = case.rehearse().await;
    assert!(schema.losses.iter().all(|loss| loss.code != "column-order"), "{:#?}", schema.losses);
    case.move_all(&schema).await;
    for question in [
        ORDER,
        CONSTRAINTS,
        "SELECT string_agg(s::text, ' ' ORDER BY s::text) FROM shape s",
        "TABLE ONLY ball",
        "TABLE ONLY child",
    ] {
        assert_eq!(case.target.psql("moved", question), case.source.psql("moving", question), "{question}");
    }
}

#[tokio::test]
async fn an_order_that_cannot_be_had_is_told() {
    let sql = "CREATE TABLE top (a int); CREATE TABLE low (b int) INHERITS (top);
        ALTER TABLE top ADD COLUMN c int; ALTER TABLE low ADD COLUMN d int";
    let case = Case::of(sql);
    let (schema, _) = case.rehearse().await;
    loss(&schema, "column-order", "TABLE public.low");
    case.move_all(&schema).await;
}
