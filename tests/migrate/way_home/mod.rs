//! Hypertables that stayed what they are come home with every row: there and back between two servers, by the agent's own stages, killed
//! and failing on the way.

mod native;
mod pair;

use std::time::Duration;

use infra::agent;
use infra::migrate::saga::{Event, Side, Stage, Step};
use infra::migrate::stages::{self, StageError};

use pair::{Pair, said, until};

/// Into a chunk that went there, into one that came since, into a table; more than rows, as a release does it.
const WRITTEN: &str = "INSERT INTO _timescaledb_internal._hyper_1_3_chunk VALUES ('2026-01-28 12:00:00+00', 3, 77, 'written there');
    DELETE FROM _timescaledb_internal._hyper_1_2_chunk WHERE at < '2026-01-09';
    UPDATE shop.devices SET name = 'renamed there' WHERE id = 4;
    SELECT nextval('shop.counted') FROM generate_series(1, 41);
    CREATE TABLE shop.made_there (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);
    INSERT INTO shop.made_there (what) VALUES ('one'), ('two');
    SET timescaledb.restoring = on;
    CREATE TABLE _timescaledb_internal._hyper_1_11_chunk (PRIMARY KEY (at, device), FOREIGN KEY (device) REFERENCES shop.devices,
      CONSTRAINT constraint_11 CHECK (at >= '2026-01-29 00:00:00+00' AND at < '2026-02-05 00:00:00+00')) INHERITS (shop.\"Readings\");
    INSERT INTO _timescaledb_internal._hyper_1_11_chunk SELECT '2026-01-29 00:00:00+00'::timestamptz + n * interval '1 minute', n % 10, n, 'new chunk' FROM generate_series(0, 4999) AS n;
    INSERT INTO _timescaledb_catalog.dimension_slice VALUES (21, 1, 1769644800000000, 1770249600000000);
    INSERT INTO _timescaledb_catalog.chunk (id, hypertable_id, schema_name, table_name) VALUES (11, 1, '_timescaledb_internal', '_hyper_1_11_chunk');
    INSERT INTO _timescaledb_catalog.chunk_constraint VALUES (11, 21, 'constraint_21')";

/// What a database holds, the extension's own included.
const HELD: [&str; 9] = [
    "SELECT tableoid::regclass::text, count(*), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM shop.\"Readings\" AS t GROUP BY 1 ORDER BY 1",
    "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM shop.ticks AS t",
    "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM shop.spaced AS t",
    "SELECT string_agg(d::text, '|' ORDER BY id) FROM shop.devices AS d",
    "SELECT string_agg(m::text, '|' ORDER BY id) FROM shop.made_there AS m",
    "SELECT last_value, is_called FROM shop.counted",
    "SELECT hypertable_name, chunk_name, range_start, range_start_integer, is_compressed FROM timescaledb_information.chunks ORDER BY 1, 2",
    "SELECT string_agg(t::text, '|' ORDER BY t::text) FROM _timescaledb_catalog.hypertable AS t",
    "SELECT id, owner, config FROM _timescaledb_config.bgw_job ORDER BY 1",
];

fn held_by(psql: impl Fn(&str, &str) -> String) -> Vec<String> {
    HELD.map(|sql| psql("app", &format!("SET timezone = 'UTC'; {sql}"))).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_comes_home_and_the_old_server_is_as_it_was() {
    let pair = Pair::new().await;
    let before = pair.of_old();
    pair.there().await;
    pair.new.psql("app", WRITTEN);
    let held = held_by(|database, sql| pair.new.psql(database, sql));
    refused_without_the_word(&pair).await;
    pair.asked().await;
    let _holder = pair.holds_on_the_way_home();
    pair.home_from(Step::Drain)
        .await
        .unwrap_or_else(|(step, error)| panic!("{step:?}: {}", infra::error::chain(&error)));
    pair.served_at_the_old().await;
    assert_eq!(held_by(|database, sql| pair.old.psql(database, sql)), held);
    assert_eq!(pair.of_old(), before);
    assert!(!pair.folder.within("home").path().exists());
    // It takes rows again, and restore mode is over.
    pair.old.psql("app", "SET session_replication_role = origin; INSERT INTO shop.devices VALUES (99, 'at home')");
    assert_eq!(
        pair.old.psql("app", "SELECT current_setting('timescaledb.restoring', true) IS DISTINCT FROM 'on'"),
        "t"
    );
}

/// Without a word to wait nobody is stopped for it, and the way is named.
async fn refused_without_the_word(pair: &Pair) {
    let path = pair.folder.path().to_owned();
    let refused = agent::submit(path, agent::UserCommand::Rollback, agent::Consent::default()).await.unwrap_err();
    let words = refused.to_string();
    assert!(words.contains("infra migrate rollback --offline") && words.contains(" MB, about "), "{words}");
    let (step, error) = pair.home_from(Step::Drain).await.unwrap_err();
    assert!(step == Step::Drain && matches!(error, StageError::WaitsForRows { .. }), "{error}");
    pair.write(Event::TakingBack { to: Side::Old });
    pair.write(Event::TakenBack { to: Side::Old });
    assert_eq!(pair.folder.status().unwrap().at, Side::New);
}

/// As by SIGKILL, each time that something is there: the next process goes on.
#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_it_goes_on_and_every_row_comes_home() {
    let pair = Pair::new().await;
    let before = pair.of_old();
    pair.there().await;
    pair.new.psql("app", WRITTEN);
    let held = held_by(|database, sql| pair.new.psql(database, sql));
    pair.asked().await;
    let _holder = pair.holds_on_the_way_home();
    let home = pair.folder.within("home");
    let mut from = Step::Drain;
    for file in
        ["paused.json", "schema.json", "parts.json", "copied.json", "verification.json", "compared.json", "ready.json"]
    {
        let place = home.file(file);
        tokio::select! {
            done = pair.home_from(from) => {
                done.unwrap_or_else(|(step, error)| panic!("{file}, {step:?}: {}", infra::error::chain(&error)));
            }
            () = until(|| place.exists()) => {}
        }
        let is_serving = pair.new.psql("postgres", "SELECT datallowconn FROM pg_database WHERE datname = 'app'");
        assert_eq!(is_serving, "t", "{file}: nobody can read the new database any more");
        from = Step::Pause;
    }
    pair.home_from(from).await.unwrap_or_else(|(step, error)| panic!("{step:?}: {}", infra::error::chain(&error)));
    // And once more, as after a kill with the clients not yet started.
    pair.home_from(from).await.unwrap_or_else(|(step, error)| panic!("{step:?}: {}", infra::error::chain(&error)));
    pair.served_at_the_old().await;
    assert_eq!(held_by(|database, sql| pair.old.psql(database, sql)), held);
    assert_eq!(pair.of_old(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_home_that_fails_leaves_the_new_database_serving_and_can_be_tried_again() {
    let pair = Pair::new().await;
    pair.there().await;
    let at_cutover = pair.of_old();
    pair.new.psql("app", WRITTEN);
    pair.asked().await;
    let holder = pair.holds_on_the_way_home();
    let copied = pair.folder.within("home").file("copied.json");
    // Somebody who writes whatever the database says, while it is read.
    let written = async {
        until(|| copied.exists()).await;
        pair.new
            .psql("app", "SET default_transaction_read_only = off; INSERT INTO shop.devices VALUES (50, 'meanwhile')");
        std::future::pending::<()>().await;
    };
    let (step, error) = tokio::select! {
        ended = pair.home_from(Step::Drain) => ended.unwrap_err(),
        () = written => unreachable!("it waits"),
    };
    assert_eq!(step, Step::Carry, "{error}");
    assert!(
        matches!(error, StageError::WrittenOnTheWay | StageError::Differs { .. }),
        "{}",
        infra::error::chain(&error)
    );
    holder.abort();
    // Taken back, but for the clients.
    pair.write(Event::SwitchFailed { to: Side::Old, error: error.to_string() });
    said(stages::open_to_clients(&pair.context()).await);
    pair.write(Event::TakenBack { to: Side::Old });
    pair.new.psql("app", "INSERT INTO shop.devices VALUES (51, 'the clients go on')");
    said(stages::restore(&pair.context(), Side::Old).await);
    assert_eq!(pair.of_old(), at_cutover, "nothing is beside the old database");
    let status = pair.folder.status().unwrap();
    assert_eq!((status.at, status.refused.is_some()), (Side::New, true));
    // With the reason gone.
    let held = held_by(|database, sql| pair.new.psql(database, sql));
    pair.asked().await;
    let _holder = pair.holds_on_the_way_home();
    pair.home_from(Step::Drain)
        .await
        .unwrap_or_else(|(step, error)| panic!("{step:?}: {}", infra::error::chain(&error)));
    // What was given its name is taken back too, when the clients cannot be pointed to it.
    said(stages::open_to_clients(&pair.context()).await);
    pair.write(Event::SwitchFailed { to: Side::Old, error: "no pointer".into() });
    pair.write(Event::TakenBack { to: Side::Old });
    said(stages::restore(&pair.context(), Side::Old).await);
    assert_eq!(pair.of_old(), at_cutover);
    pair.asked().await;
    let _again = pair.holds_on_the_way_home();
    pair.home_from(Step::Drain)
        .await
        .unwrap_or_else(|(step, error)| panic!("{step:?}: {}", infra::error::chain(&error)));
    pair.served_at_the_old().await;
    assert_eq!(held_by(|database, sql| pair.old.psql(database, sql)), held);
    assert!(pair.folder.status().unwrap().stages.contains_key(&Stage::Guard));
    tokio::time::sleep(Duration::from_millis(1)).await;
}
