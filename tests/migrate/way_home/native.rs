//! TimescaleDB itself at both ends, on servers that run its workers. INFRA_TEST_TIMESCALEDB_IMAGE names an image that is made like the
//! bundle's, with the extension in it.

use infra::migrate::saga::Step;

use super::pair::Pair;
use crate::timescale::real::{SAME, WORK};

const QUIET: &str = "SET client_min_messages = error; SET timezone = 'UTC'; SET search_path = public;";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs an image with TimescaleDB"]
async fn the_extension_itself_comes_home_with_every_row() {
    let image = std::env::var("INFRA_TEST_TIMESCALEDB_IMAGE").expect("it names the image");
    let pair = Pair::of_extension(&image).await;
    let before = pair.of_old();
    pair.there().await;
    // Into compressed chunks, old ones and new ones; aggregates, jobs, what expires, another hypertable.
    println!("{}", pair.new.psql("app", &format!("{QUIET}{WORK}")));
    let held = SAME.map(|sql| pair.new.psql("app", &format!("{QUIET}{sql}")));
    pair.asked().await;
    let _holder = pair.holds_on_the_way_home();
    let done = pair.home_from(Step::Drain).await;
    done.unwrap_or_else(|(step, error)| panic!("{step:?}: {}", infra::error::chain(&error)));
    pair.served_at_the_old().await;
    for (sql, held) in SAME.iter().zip(held) {
        assert!(!held.is_empty(), "{sql}");
        assert_eq!(pair.old.psql("app", &format!("{QUIET}{sql}")), held, "{sql}");
    }
    assert_eq!(pair.of_old(), before);
    // It works on at home.
    let at_home = format!("{QUIET} INSERT INTO shop.\"Readings\" VALUES ('2026-01-04 00:30:00+00', 1, -3, 'home'), ('2027-01-01', 1, -4, 'later');
        SELECT count(*) FROM shop.\"Readings\" WHERE value < -2; CALL refresh_continuous_aggregate('shop.daily', NULL, NULL)");
    assert_eq!(pair.old.psql_with("-c default_transaction_read_only=off", "app", &at_home), "2");
}
