//! What the target refuses: one list, everything that goes with it, and then to the end without it.

use std::collections::BTreeSet;

use infra::migrate::rehearse::scratch_name;
use infra::migrate::schema::{Consequence, Schema};

use super::{Case, loss};
use crate::servers::SUPERUSER;

fn told(schema: &Schema) -> BTreeSet<(&str, &str)> {
    schema.losses.iter().map(|loss| (loss.code.as_str(), loss.object.as_str())).collect()
}

#[tokio::test]
async fn what_only_a_superuser_may_is_one_list() {
    let case = Case::of(include_str!("../cases/refused_by_rds.sql"));
    let (schema, rehearsal) = case.rehearse().await;
    let expected = [
        ("transform", "TRANSFORM FOR integer LANGUAGE sql"),
        ("shell-type", "TYPE public.announced"),
        ("function-language", "FUNCTION public.to_sql(internal)"),
        ("function-leakproof", "FUNCTION public.secretive(text)"),
        ("aggregate-internal", "AGGREGATE public.middle(double precision, anyelement)"),
    ];
    let told = told(&schema);
    for loss in expected {
        assert!(told.contains(&loss), "{loss:?}: {told:#?}");
    }
    assert!(schema.losses.iter().all(|loss| loss.consequence != Consequence::Blocks), "{:#?}", schema.losses);
    assert_eq!(rehearsal.refused, [], "the rules knew all of it");
    assert_eq!(case.left_over(), "");
    case.move_all(&schema).await;
    assert_eq!(case.target.psql("moved", "SELECT secretive('x')"), "t");
}

/// PostgreSQL 17 has no such column any more, which no rule knows.
#[tokio::test]
async fn what_no_rule_knows_is_told_with_what_goes_with_it_and_left_out() {
    let sql = "CREATE ROLE app; GRANT CREATE ON SCHEMA public TO app; SET ROLE app;
        CREATE TABLE t (id int PRIMARY KEY, body text);
        INSERT INTO t VALUES (1, 'x');
        CREATE FUNCTION gone(text) RETURNS text LANGUAGE sql IMMUTABLE
          BEGIN ATOMIC SELECT $1 || buffers_backend FROM pg_stat_bgwriter; END;
        CREATE FUNCTION calling(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT public.gone($1)';
        CREATE INDEX t_gone ON t (gone(body));
        CREATE INDEX t_calling ON t (calling(body));
        CREATE VIEW written AS SELECT buffers_backend FROM pg_stat_bgwriter;
        CREATE VIEW doubled AS SELECT buffers_backend * 2 AS twice FROM written;
        GRANT SELECT ON written TO PUBLIC";
    let case = Case::of(sql);
    let (schema, rehearsal) = case.rehearse().await;
    let function = loss(&schema, "refused-by-target", "FUNCTION public.gone(text)");
    assert_eq!(function.takes, ["INDEX public.t_calling", "INDEX public.t_gone"]);
    assert_eq!(function.callers, ["FUNCTION public.calling(text)"]);
    let view = loss(&schema, "refused-by-target", "VIEW public.written");
    assert!(view.what.contains("buffers_backend") && view.what.contains("42703"), "{view:?}");
    assert_eq!(view.takes, ["VIEW public.doubled"]);
    assert_eq!(told(&schema).iter().filter(|(code, _)| *code == "refused-by-target").count(), 2);
    assert_eq!(rehearsal.refused, [], "nothing fails without these");
    assert_eq!(case.left_over(), "");
    case.move_all(&schema).await;
}

#[tokio::test]
async fn a_lost_function_is_told_with_its_callers_by_text_and_the_rest_arrives() {
    let case = Case::of(include_str!("../cases/lost_function.sql"));
    let (schema, _) = case.rehearse().await;
    let lost = loss(&schema, "function-language", "FUNCTION public.iu(regdictionary, text)");
    assert_eq!(lost.takes, ["INDEX public.place_iu", "INDEX public.place_name"]);
    assert_eq!(lost.callers, ["FUNCTION public.plain(text)"]);
    assert_eq!(lost.consequence, Consequence::Consent);
    case.move_all(&schema).await;
    assert_eq!(case.target.psql("moved", "SELECT count(*) FROM place"), "1");
}

#[tokio::test]
async fn a_view_of_itself_is_told_and_left_out() {
    let case = Case::of(&format!(
        "{}; CREATE VIEW one AS SELECT id FROM t; CREATE VIEW two AS SELECT id FROM one;
         CREATE OR REPLACE VIEW one AS SELECT id FROM two; CREATE VIEW ordinary AS SELECT id FROM t",
        include_str!("../cases/self_view.sql")
    ));
    let (schema, rehearsal) = case.rehearse().await;
    assert_eq!(loss(&schema, "view-of-itself", "VIEW public.round").consequence, Consequence::Consent);
    let telling = told(&schema).into_iter().filter(|(code, _)| !code.starts_with("role-"));
    assert_eq!((telling.count(), rehearsal.refused.len()), (1, 0), "{:#?}", schema.losses);
    case.move_all(&schema).await;
    let views = "SELECT string_agg(viewname, ' ' ORDER BY viewname) FROM pg_views WHERE schemaname = 'public'";
    assert_eq!(case.target.psql("moved", views), "one ordinary two");
}

#[tokio::test]
async fn settings_that_no_library_knows_are_losses_without_their_values() {
    let secret = "s3cret-value";
    let case = Case::of(&include_str!("../cases/placeholders.sql").replace("'1'", &format!("'{secret}'")));
    let (schema, _) = case.rehearse().await;
    loss(&schema, "setting-refused", "SETTING all roles in the database app.tenant");
    loss(&schema, "setting-refused", "SETTING tenant app.tenant");
    loss(&schema, "function-setting", "FUNCTION public.tenant()");
    assert!(!format!("{:?}", schema.losses).contains(secret), "{:#?}", schema.losses);
    case.move_all(&schema).await;
}

/// Who may set them is told by the server alone.
#[tokio::test]
async fn settings_that_the_user_was_granted_are_carried() {
    let case = Case::of(include_str!("../cases/placeholders.sql"));
    case.target.psql(SUPERUSER, "GRANT SET ON PARAMETER app.tenant TO master");
    let (schema, _) = case.rehearse().await;
    assert!(schema.losses.iter().all(|loss| loss.code.starts_with("role-")), "{:#?}", schema.losses);
    case.move_all(&schema).await;
    assert_eq!(case.target.psql("moved", "SELECT tenant()"), "1");
}

/// Three rows of each table are not all: what they alone refuse is not refused.
#[tokio::test]
async fn a_few_rows_refuse_nothing_that_all_rows_take() {
    let sql = "CREATE TABLE parent (id int PRIMARY KEY, size int); INSERT INTO parent SELECT n, n FROM generate_series(1, 20) AS n;
        CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent);
        INSERT INTO child SELECT n, 20 - n FROM generate_series(1, 10) AS n;
        COMMENT ON CONSTRAINT child_parent_fkey ON child IS 'theirs';
        CREATE TABLE parts (id int, parent int REFERENCES parent) PARTITION BY RANGE (id);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10); INSERT INTO parts VALUES (1, 19);
        CREATE MATERIALIZED VIEW share AS SELECT 1 / count(*) FILTER (WHERE size > 10) AS part FROM parent";
    let case = Case::of(sql);
    let (schema, rehearsal) = case.rehearse().await;
    assert!(schema.losses.iter().all(|loss| loss.consequence == Consequence::Note), "{:#?}", schema.losses);
    let printed =
        |kind: &str, name: &str| rehearsal.printed.iter().any(|(key, _)| key.kind == kind && key.name == name);
    assert!(
        printed("CONSTRAINT", "public.child.child_parent_fkey")
            && printed("CONSTRAINT", "public.parts.parts_parent_fkey")
    );
    case.move_all(&schema).await;
}

/// As a database's user may be, who is no master of the server.
#[tokio::test]
async fn where_no_database_may_be_made_the_targets_own_is_used_and_left_as_it_was() {
    let case = Case::of(include_str!("../cases/self_view.sql"));
    case.target.psql(SUPERUSER, "ALTER ROLE master NOCREATEDB");
    let before = case.target.psql("moved", "SELECT count(*) FROM pg_class");
    let (schema, rehearsal) = case.rehearse().await;
    loss(&schema, "view-of-itself", "VIEW public.round");
    assert!(rehearsal.printed.keys().any(|key| key.name == "public.t"));
    assert_eq!((case.left_over().as_str(), case.target.psql("moved", "SELECT count(*) FROM pg_class")), ("", before));
}

#[tokio::test]
async fn what_a_killed_rehearsal_left_is_dropped_by_the_next() {
    let case = Case::of("CREATE ROLE app; CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t OWNER TO app");
    let scratch = scratch_name("moved");
    case.target.psql_as("master", "moved", &format!("CREATE DATABASE {scratch} TEMPLATE template0"));
    let left = case.target.connect_as("master", &scratch).await;
    let (_, rehearsal) = case.rehearse().await;
    let owner = rehearsal.printed.iter().find(|(key, _)| key.kind == "OWNER" && key.name == "TABLE public.t");
    assert_eq!(owner.map(|(_, owner)| owner.facts.as_str()), Some("app"));
    assert_eq!(case.left_over(), "");
    drop(left);
}
