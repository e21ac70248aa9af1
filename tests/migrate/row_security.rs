//! Tables that force row security, at a target whose user it holds for, as for the master user of managed servers: rows
//! arrive and are compared until it is put in force, and again when it is taken back.

use std::time::Duration;

use infra::migrate::carried::{hidden, seeing_all};
use infra::migrate::catalog::{self, QualifiedName};
use infra::migrate::folder::Folder;
use infra::migrate::replicate::{Channel, make_heartbeat};
use infra::migrate::schema::{Phase, Schema, hand_over, take_back};
use infra::migrate::verify::incremental::{ChangeVerificationError, ChangeVerifier, RecheckRound};
use infra::migrate::verify::{End, Options, verify};
use infra::postgres::{Client, Endpoint, PostgresError, connect};

use crate::schema::Move;
use crate::servers::{SUPERUSER, Server};

const PATIENCE: Duration = Duration::from_secs(20);
/// Nobody sees a row by the policy of either table; only one holds for the owner.
const TABLES: &str = "CREATE TABLE forced (id bigint PRIMARY KEY, body text);
    ALTER TABLE forced ENABLE ROW LEVEL SECURITY;
    ALTER TABLE forced FORCE ROW LEVEL SECURITY;
    CREATE POLICY nobody ON forced USING (false);
    CREATE TABLE \"En\"\"abled\" (id bigint PRIMARY KEY, body text);
    ALTER TABLE \"En\"\"abled\" ENABLE ROW LEVEL SECURITY;
    CREATE POLICY nobody ON \"En\"\"abled\" USING (false);";
/// As RDS's: it may replicate, and bypasses nothing.
const MASTER: &str = "CREATE ROLE master LOGIN CREATEROLE CREATEDB REPLICATION;
    GRANT pg_monitor, pg_signal_backend, pg_create_subscription TO master WITH ADMIN OPTION";

struct Secured {
    moving: Move,
    schema: Schema,
    old: Client,
    new: Client,
    folder: tempfile::TempDir,
}

impl Secured {
    /// Both ends with the same schema up to the end of the verification, and replication between them.
    async fn verified() -> Self {
        let moving = Move { source: Server::v15(), target: Server::v17(), user: "master" };
        moving.source.psql(SUPERUSER, "CREATE DATABASE corpus");
        moving.source.psql("corpus", TABLES);
        moving.target.psql(SUPERUSER, MASTER);
        moving.target.psql(SUPERUSER, "CREATE DATABASE moved OWNER master TEMPLATE template0");
        let (_, schema) = moving.schema().await;
        moving.apply(&moving.at_target().await, &schema, Phase::Last).await;
        let source = Endpoint::parse(&moving.source.url("corpus")).unwrap();
        let (old, new) = (connect(&source, "test").await.unwrap(), connect(&target(&moving), "test").await.unwrap());
        make_heartbeat(&old).await.unwrap();
        make_heartbeat(&new).await.unwrap();
        let secured = Self { moving, schema, old, new, folder: tempfile::tempdir().unwrap() };
        secured.replicate(&source).await;
        secured
            .verifying(async |verifier| {
                let tables = ["forced", "En\"abled"].map(|name| QualifiedName::new("public", name));
                verifier.record(None, Some(&tables)).await.unwrap();
                verifier.begin(verifier.baseline().await.unwrap()).unwrap();
            })
            .await;
        secured
    }

    /// Servers here ask for no password, and only a superuser may make a subscription without: the master user gets it.
    async fn replicate(&self, source: &Endpoint) {
        let superuser = Endpoint::parse(&self.moving.target.url("moved")).unwrap();
        let maker = connect(&superuser, "test").await.unwrap();
        let forward = Channel { name: "infra_forward", publisher: &self.old, subscriber: &maker };
        forward.publish(None).await.unwrap();
        forward.make_slot().await.unwrap();
        forward.subscribe(source).await.unwrap();
        let given = "ALTER SUBSCRIPTION infra_forward SET (password_required = false);
            ALTER SUBSCRIPTION infra_forward OWNER TO master";
        self.moving.target.psql("moved", given);
    }

    async fn verifying<T>(&self, work: impl AsyncFnOnce(ChangeVerifier<'_>) -> T) -> T {
        let folder = Folder::at(self.folder.path());
        work(ChangeVerifier { source: &self.old, target: &self.new, folder: &folder }).await
    }

    async fn look(&self) -> Result<RecheckRound, ChangeVerificationError> {
        let catalog = catalog::read(&self.old).await.unwrap();
        self.verifying(async |verifier| verifier.recheck(&catalog).await).await
    }

    /// Writes to both tables at the source, and waits until it has arrived.
    async fn write(&self, first: u32) {
        for table in ["forced", "\"En\"\"abled\""] {
            let last = first + 99;
            let sql = format!("INSERT INTO {table} SELECT i, 'x' FROM generate_series({first}, {last}) AS i");
            self.moving.source.psql("corpus", &sql);
        }
        Channel { name: "infra_forward", publisher: &self.old, subscriber: &self.new }.drain(PATIENCE).await.unwrap();
    }

    async fn seen(&self) -> Vec<i64> {
        let count = |table: &str| format!("SELECT count(*) FROM {table}");
        let client = self.moving.at_target().await;
        let mut seen = vec![];
        for table in ["forced", "\"En\"\"abled\""] {
            seen.push(client.query_one(&count(table), &[]).await.unwrap().get(0));
        }
        seen
    }
}

fn target(moving: &Move) -> Endpoint {
    Endpoint::parse(&moving.target.url_as(moving.user, "moved")).unwrap()
}

#[tokio::test]
async fn rows_arrive_and_are_compared_until_policies_hide_them() {
    let secured = Secured::verified().await;
    secured.write(1).await;
    let look = secured.look().await.unwrap();
    assert_eq!((look.differing().count(), look.rows()), (0, 200), "{look:?}");
    let source = End::new(Endpoint::parse(&secured.moving.source.url("corpus")).unwrap());
    let target = End::new(target(&secured.moving));
    let options = Options { before_last: true, sequence_values: false, ..Options::default() };
    let report = verify(&source, &target, &options, |_| ()).await.unwrap();
    assert!(report.tables.iter().all(|table| table.matches()) && report.rows() == 200, "{}", report.markdown());

    hand_over(&secured.new, &secured.schema).await.unwrap();
    hand_over(&secured.new, &secured.schema).await.unwrap();
    assert_eq!(secured.seen().await, [0, 100], "forced for the owner too");
    secured.moving.target.psql("moved", "UPDATE forced SET body = 'y' WHERE id = 1");
    assert!(secured.look().await.is_err(), "why it comes last: what is hidden is not compared, and that is an error");

    // While the clients use it, that waits; in a pause this session sees all, and nobody else more than before.
    let (hidden, catalog) = (hidden(&secured.new).await.unwrap(), catalog::read(&secured.old).await.unwrap());
    assert_eq!(hidden.iter().map(QualifiedName::plain).collect::<Vec<_>>(), ["public.forced"]);
    let look = secured.verifying(async |verifier| verifier.recheck_except(&catalog, &hidden).await).await.unwrap();
    assert_eq!(look.differing().count(), 0, "{look:?}");
    let look = seeing_all(&secured.new, async { Ok::<_, PostgresError>(secured.look().await.unwrap()) }).await.unwrap();
    assert_eq!((look.differing().count(), look.rows()), (1, 1), "{look:?}");
    assert_eq!(secured.seen().await, [0, 100]);

    // A pause that failed: replication goes on, and the row that was changed is found.
    take_back(&secured.new, &secured.schema).await.unwrap();
    take_back(&secured.new, &secured.schema).await.unwrap();
    secured.write(1001).await;
    assert_eq!(secured.seen().await, [200, 200]);
    let look = secured.look().await.unwrap();
    assert_eq!((look.differing().count(), look.rows()), (1, 201), "{look:?}");
}
