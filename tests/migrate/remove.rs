//! What a migration made at its target goes again, what was there stays, and a second migration finds it as the first did.

use std::collections::BTreeSet;

use infra::migrate::schema::{self, Phase};
use infra::postgres::{Client, Endpoint, connect};

use crate::corpus;
use crate::schema::{Move, moved};
use crate::servers::{BOOTSTRAP, SUPERUSER, Server};

async fn open(moving: &Move) -> Client {
    let url = moving.target.url_as(moving.user, "moved");
    connect(&Endpoint::parse(&url).unwrap(), "test").await.unwrap()
}

fn roles(server: &Server) -> Vec<String> {
    let sql = "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1";
    server.psql(SUPERUSER, sql).lines().map(str::to_owned).collect()
}

/// As `pg_dump` sees an empty database: its own statements only.
fn untouched(moving: &Move) -> BTreeSet<String> {
    moving.target.psql(SUPERUSER, &format!("CREATE DATABASE untouched OWNER {} TEMPLATE template0", moving.user));
    moving.dumped(&moving.target, "untouched")
}

fn database(moving: &Move) -> String {
    let sql = "SELECT datacl, pg_get_userbyid(datdba), shobj_description(oid, 'pg_database'),
                      (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = d.oid)
                 FROM pg_database d WHERE datname = 'moved'";
    moving.target.psql("moved", sql)
}

#[tokio::test]
async fn nothing_is_left_and_a_second_migration_begins_as_the_first() {
    for user in ["master", SUPERUSER] {
        let (moving, built) = moved(&corpus::PORTABLE, user, Phase::HandOver).await;
        let target = open(&moving).await;
        let removed = schema::remove(&target, &built).await.unwrap();
        assert!(removed.objects > 50 && removed.kept_roles.is_empty(), "{removed:?}");
        assert_eq!(moving.dumped(&moving.target, "moved"), untouched(&moving));
        let mut expected = vec![BOOTSTRAP.to_owned(), SUPERUSER.to_owned()];
        expected.extend((user != SUPERUSER).then(|| user.to_owned()));
        expected.sort();
        assert_eq!(roles(&moving.target), expected);
        assert!(!moving.target.psql("moved", "SELECT count(*) FROM pg_largeobject_metadata").starts_with('1'));
        let rights = database(&moving);
        assert!(rights.ends_with(&format!("|{user}||0")), "{rights}");
        assert_eq!(schema::remove(&target, &built).await.unwrap().kept_roles, Vec::<String>::new(), "may be repeated");
        moving.target.psql("moved", "DROP SCHEMA infra_migration CASCADE");
        let (catalog, again) = moving.schema().await;
        moving.apply(&moving.at_target().await, &again, Phase::BeforeData).await;
        moving.copy(&catalog).await;
        moving.apply(&moving.at_target().await, &again, Phase::HandOver).await;
    }
}

#[tokio::test]
async fn what_is_somebody_elses_stays() {
    let moving = Move::of(&["roles", "types", "tables"], "master");
    moving.target.psql("moved", "CREATE SCHEMA own; CREATE TABLE own.notes (n int); CREATE ROLE reporting; GRANT reporting TO master WITH ADMIN OPTION");
    let (_, built) = moving.schema().await;
    moving.apply(&moving.at_target().await, &built, Phase::Settings).await;
    moving.target.psql("moved", "CREATE TABLE own.later (n int); CREATE VIEW own.looking AS SELECT * FROM public.twin");
    let target = open(&moving).await;
    // As a release may do during the guard.
    moving.target.psql("moved", "CREATE TABLE shop.audit (id int PRIMARY KEY); INSERT INTO shop.audit VALUES (1)");
    let removed = schema::remove(&target, &built).await.unwrap();
    let kept = removed.kept.join("; ");
    assert!(kept.contains("TABLE public.twin: view own.looking depends on table"), "{kept}");
    assert!(kept.contains("SCHEMA shop: table shop.audit depends on schema shop"), "{kept}");
    assert_eq!(moving.target.psql("moved", "SELECT count(*) FROM shop.audit"), "1");
    moving.target.psql("moved", "DROP TABLE shop.audit");
    moving.target.psql("moved", "DROP VIEW own.looking; SET ROLE app; RESET ROLE; CREATE TABLE own.apps (n int); ALTER TABLE own.apps OWNER TO app");
    let removed = schema::remove(&target, &built).await.unwrap();
    assert_eq!(removed.kept_roles, ["app"], "it owns a table that the migration did not make");
    let tables = "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname IN ('own', 'public', 'shop') ORDER BY 1";
    assert_eq!(moving.target.psql("moved", tables), "apps\nlater\nnotes");
    assert!(roles(&moving.target).contains(&"reporting".to_owned()), "it was there before");
}
