//! What becomes of the way back when something fails that no release did: each on real servers, seen by the agent's own look. It is said
//! at once, since when and why; what can be mended is open again by itself; and the new database goes on whatever happens.

pub mod bundle;
mod host;
mod many;

use std::time::Duration;

use infra::migrate::replicate::Channel;
use infra::postgres::{Endpoint, Secret, connect};

use crate::servers::SUPERUSER;
use host::{BACK, Host, OWNER};

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_somebody_drops_is_the_end_of_the_way_back_and_said_at_once() {
    let host = Host::new().await;
    host.is_open().await;
    // The record of changes keeps the same log, and is of no use alone.
    host.new.psql("app", "SELECT pg_create_logical_replication_slot('infra_changes', 'pgoutput')");
    let before = jiff::Timestamp::now();
    let somebody = connect(&Endpoint::parse(&host.new.url_as(SUPERUSER, "app")).unwrap(), "psql").await.unwrap();
    Channel { name: BACK, publisher: &somebody, subscriber: &somebody }.drop_slot().await.unwrap();
    let stands = host.look().await;
    let [obstacle] = stands.because.as_slice() else { panic!("{stands:#?}") };
    assert!(obstacle.what.contains("slot infra_back is gone from it"), "{obstacle:?}");
    assert!(obstacle.remedy.contains("--leave-rows"), "{obstacle:?}");
    assert!(stands.gone_since.is_some_and(|since| since >= before), "{stands:#?}");
    assert_eq!(host.slots(), "", "nobody keeps the log for it any more");
    // It does not come again, and stays since then.
    host.serves(2);
    let later = host.look().await;
    assert_eq!((later.gone_since, &later.because), (stands.gone_since, &stands.because));
    assert!(later.looked > stands.looked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_lost_its_log_while_the_old_server_was_gone_is_said_with_the_reason() {
    let host = Host::with(&["max_slot_wal_keep_size=32MB", "checkpoint_timeout=30s"], ORDERS).await;
    host.is_open().await;
    host.old.stop();
    let (stands, what) = host.obstacle("the old server").await;
    assert!(what.contains("does not answer"), "{what}");
    assert!(stands.because[0].remedy.contains("--give-up-way-back"), "{stands:#?}");
    host.write_log(100);
    host.new.psql(SUPERUSER, "CHECKPOINT");
    let status = "SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'infra_back'";
    assert_eq!(host.new.psql("app", status), "lost");
    let (stands, what) = host.obstacle("slot infra_back has lost what it held").await;
    assert!(what.contains("more was written than max_slot_wal_keep_size allows"), "{what}");
    assert_eq!((stands.because.len(), host.slots().as_str()), (1, ""), "{stands:#?}");
    // With the old server again, there still is none.
    host.old.start_again();
    host.serves(2);
    host.obstacle("slot infra_back has lost what it held").await;
}

const ORDERS: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, text text)";

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_let_go_before_the_new_servers_disk_is_full_although_the_old_one_is_gone() {
    let host = Host::new().await;
    let used: u64 = host.new.psql("app", "SELECT pg_database_size('app')").parse().unwrap();
    host.set_storage(used + (80 << 20));
    host.is_open().await;
    host.new.psql("app", "SELECT pg_create_logical_replication_slot('infra_changes', 'pgoutput')");
    // As the old server makes them while it copies a table.
    let sql = "SELECT format('pg_%s_sync_16400_%s', s.oid, c.system_identifier) FROM pg_subscription s, pg_control_system() c";
    let copying = host.old.psql("app", sql);
    host.new.psql("app", &format!("SELECT pg_create_logical_replication_slot('{copying}', 'pgoutput')"));
    host.old.stop();
    host.write_log(20);
    let (_, what) = host.obstacle("the old server").await;
    assert!(what.contains("does not answer"), "{what}");
    assert_eq!(host.slots(), format!("infra_back infra_changes {copying}"), "it is within the bound");
    host.write_log(40);
    let (stands, what) = host.obstacle("keeps nothing for the way back any more").await;
    assert!(what.contains("bytes of its log were kept, more than") && what.contains("half of what was free"), "{what}");
    assert_eq!((stands.because.len(), host.slots().as_str()), (1, ""), "{stands:#?}");
    host.serves(2);
    assert_eq!(host.new.psql("app", "SELECT count(*) FROM orders"), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_rows_cannot_be_copied_is_named_with_the_servers_words_until_they_are_there() {
    let host = Host::new().await;
    host.is_open().await;
    // As somebody made them by hand.
    host.old.psql("app", "CREATE TABLE narrow (id int PRIMARY KEY, CONSTRAINT few CHECK (id < 3)); CREATE TABLE other (id int PRIMARY KEY, n int)");
    host.new.psql_as(
        OWNER,
        "app",
        "CREATE TABLE narrow (id int PRIMARY KEY); INSERT INTO narrow SELECT generate_series(1, 5);
         CREATE TABLE other (id int PRIMARY KEY, n text); INSERT INTO other VALUES (1, 'seven');
         CREATE TABLE good (id int PRIMARY KEY); INSERT INTO good VALUES (1)",
    );
    let (stands, what) =
        host.obstacle("TABLE public.narrow: the old server fails to copy its rows: it answers: ").await;
    assert!(what.contains("violates check constraint \"few\""), "{what}");
    let other = stands.because.iter().find(|one| one.what.starts_with("TABLE public.other: ")).unwrap();
    assert!(other.what.contains("invalid input syntax for type integer"), "{other:?}");
    assert!(!stands.because.iter().any(|one| one.what.contains("good")), "{stands:#?}");
    // Everything else comes.
    host.comes_back(2).await;
    let again = host.look().await;
    assert_eq!(again.gone_since, stands.gone_since, "{again:#?}");
    host.old.psql("app", "ALTER TABLE narrow DROP CONSTRAINT few");
    let mended = host
        .look_until("narrow is mended", |stands| !stands.because.iter().any(|one| one.what.contains("narrow")))
        .await;
    assert!(mended.because.iter().any(|one| one.what.contains("public.other")), "{mended:#?}");
    assert_eq!(host.old.psql("app", "SELECT count(*) FROM narrow"), "5");
    host.old.psql("app", "ALTER TABLE other ALTER n TYPE text");
    host.is_open().await;
    assert_eq!(host.old.psql("app", "SELECT (SELECT n FROM other), (SELECT count(*) FROM good)"), "seven|1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_somebody_changed_is_said_and_the_way_back_goes_on_when_it_is_right_again() {
    let host = Host::new().await;
    host.is_open().await;
    let right = host.password();
    host.set_password("another");
    let (stands, what) = host.obstacle("infra may not enter it any more").await;
    assert!(what.starts_with("the new server: ") && what.contains("password authentication failed"), "{what}");
    assert!(!what.contains(right.expose()) && stands.because[0].remedy.contains("target.json"), "{stands:#?}");
    host.serves(2);
    host.set_password(right.expose());
    host.is_open().await;
    host.comes_back(3).await;
    assert_eq!(host.old.psql("app", "SELECT count(*) FROM orders"), "3");
    // Or infra is told the new one: the subscription gets it by the next look.
    host.set_password("a new one");
    host.write_target(&Endpoint { password: Secret::new("a new one"), ..host.target() });
    host.serves(4);
    host.is_open().await;
    host.comes_back(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificates_outlive_the_old_servers_container() {
    let host = Host::new().await;
    host.encrypt();
    // The subscription's way leads nowhere any more: the look gives it another, with the roots.
    host.set_password("a new one");
    host.write_target(&Endpoint { password: Secret::new("a new one"), ..host.target() });
    host.is_open().await;
    host.look_until("it is not connected", |stands| stands.lag.is_some_and(|lag| lag.connected)).await;
    let ssl = "SELECT s.ssl FROM pg_stat_ssl s JOIN pg_stat_replication r USING (pid)";
    assert_eq!(host.new.psql(SUPERUSER, ssl), "t");
    let way = "SELECT subconninfo LIKE '%sslmode=verify-full sslrootcert=''/home/postgres/data/infra-migrate-ca.pem''%' FROM pg_subscription";
    assert_eq!(host.old.psql("app", way), "t");
    host.old.recreate();
    // Nobody looks: the server finds everything among its data.
    host.comes_back(2).await;
    assert_eq!(host.new.psql(SUPERUSER, ssl), "t");
    host.is_open().await;
    // Gone and back.
    host.old.stop();
    let (stands, what) = host.obstacle("the old server").await;
    assert!(what.contains("does not answer") && what.contains("does not run"), "{what}");
    host.serves(3);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let later = host.look().await;
    assert_eq!(later.gone_since, stands.gone_since);
    host.old.start_again();
    host.is_open().await;
    host.comes_back(4).await;
    assert_eq!(host.old.psql("app", "SELECT count(*) FROM orders"), "4");
}
