//! Servers of other versions than those of the packages: whoever has some names them, each as `PORT:FOLDER` with psql and
//! pg_dump of that version or a later one in the folder.
//!
//!     INFRA_TEST_SOURCE=5413:/usr/lib/postgresql/13/bin cargo test --test migrate -- --ignored versions::
//!
//! INFRA_TEST_TARGET names the new server; without it, it is 17 of the bundle's image. What an earlier run left, its databases
//! and its role, goes first.

use std::time::Duration;

use infra::migrate::carried::{self, carry_rows};
use infra::migrate::catalog::{self, QualifiedName};
use infra::migrate::identity::{give, take_back};
use infra::migrate::replicate::{Channel, make_heartbeat};
use infra::migrate::schema::{Consequence, Phase, Schema};
use infra::migrate::verify::{End, Options, Prints, verify};
use infra::postgres::{Client, Endpoint, connect};

use crate::definitions::rehearsed;
use crate::schema::Move;
use crate::servers::{SUPERUSER, Server};

const PATIENCE: Duration = Duration::from_secs(20);

fn endpoint(server: &Server, database: &str) -> Endpoint {
    Endpoint::parse(&server.url(database)).unwrap()
}

async fn open(server: &Server, database: &str) -> Client {
    connect(&endpoint(server, database), "test").await.unwrap()
}

async fn equal(moving: &Move, built: &Schema, prints: &Prints) {
    let end = |server, database| End::new(endpoint(server, database));
    let (losses, prints) = (built.losses.clone(), prints.clone());
    let options = Options { losses, prints, sequence_values: false, ..Options::default() };
    let (source, target) = (end(&moving.source, "corpus"), end(&moving.target, "moved"));
    let report = verify(&source, &target, &options, |_| ()).await.unwrap();
    assert!(report.matches(), "{}", report.markdown());
    assert!(report.rows() > 4000, "{}", report.rows());
}

#[tokio::test]
#[ignore = "needs a server of another version: INFRA_TEST_SOURCE, INFRA_TEST_TARGET"]
async fn a_database_of_another_version_arrives_and_changes_travel_both_ways() {
    let source = Server::running("INFRA_TEST_SOURCE").unwrap_or_else(Server::v15);
    let target = Server::running("INFRA_TEST_TARGET").unwrap_or_else(Server::v17);
    for (server, database) in [(&source, "corpus"), (&target, "moved")] {
        server.psql(SUPERUSER, &format!("DROP DATABASE IF EXISTS {database}"));
        server.psql(SUPERUSER, "DROP ROLE IF EXISTS ever_reader");
    }
    let moving = Move::between(source, target, &["every_version"], SUPERUSER);
    corpus_writes(&moving).await;
}

/// What the server at this end may publish.
async fn published(client: &Client) -> Vec<QualifiedName> {
    let tables = [("ever", "people"), ("ever", "events"), ("ever", "sums"), ("infra_migration", "beat")];
    let left_out = carried::unpublished(&catalog::read(client).await.unwrap());
    tables
        .map(|(schema, name)| QualifiedName::new(schema, name))
        .into_iter()
        .filter(|name| !left_out.contains(name))
        .collect()
}

async fn corpus_writes(moving: &Move) {
    let (catalog, built) = moving.schema().await;
    assert!(built.losses.iter().all(|loss| loss.consequence == Consequence::Note), "{:#?}", built.losses);
    let (prints, otherwise) = rehearsed(moving, &built).await;
    assert_eq!(otherwise, []);
    let target = moving.at_target().await;
    moving.apply(&target, &built, Phase::BeforeData).await;
    moving.copy(&catalog).await;
    moving.apply(&target, &built, Phase::HandOver).await;
    equal(moving, &built, &prints).await;

    let (old, new) = (open(&moving.source, "corpus").await, open(&moving.target, "moved").await);
    make_heartbeat(&old).await.unwrap();
    make_heartbeat(&new).await.unwrap();
    give(&old, None).await.unwrap();
    give(&new, Some(&old)).await.unwrap();
    let forward = Channel { name: "infra_forward", publisher: &old, subscriber: &new };
    forward.publish(Some(&published(&old).await)).await.unwrap();
    forward.make_slot().await.unwrap();
    forward.subscribe(&endpoint(&moving.source, "corpus")).await.unwrap();
    let write = "UPDATE ever.people SET name = name || '!', mood = 'happy' WHERE id % 7 = 0;
                 UPDATE ever.sums SET n = n + 1; DELETE FROM ever.sums WHERE n = 7; INSERT INTO ever.events VALUES ('2026-03-01', 1, 'new'); DELETE FROM ever.people WHERE id % 11 = 0";
    old.run("writing", write).await.unwrap();
    forward.drain(PATIENCE).await.unwrap();
    assert!(forward.lag().await.unwrap().connected);
    carry_rows(&old, &new, &catalog::read(&old).await.unwrap()).await.unwrap();
    equal(moving, &built, &prints).await;
    forward.remove().await.unwrap();

    let back = Channel { name: "infra_back", publisher: &new, subscriber: &old };
    back.publish(Some(&published(&new).await)).await.unwrap();
    back.make_slot().await.unwrap();
    back.subscribe(&endpoint(&moving.target, "moved")).await.unwrap();
    new.run("writing", "UPDATE ever.people SET code = 'c' WHERE id % 5 = 0; UPDATE ever.sums SET n = -n")
        .await
        .unwrap();
    back.drain(PATIENCE).await.unwrap();
    carry_rows(&new, &old, &catalog::read(&new).await.unwrap()).await.unwrap();
    equal(moving, &built, &prints).await;
    back.remove().await.unwrap();
    take_back(&old).await.unwrap();
    take_back(&new).await.unwrap();
    equal(moving, &built, &prints).await;
}
