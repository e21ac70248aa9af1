//! What random databases and those of others found, each as small as it could be made: it goes there and back.

use super::ends::Ends;
use super::{Outcome, fill, journey};

const FOUND: [(&str, &str); 2] = [
    (
        "a partition that is not its root's owner's",
        "CREATE ROLE found_owner; CREATE TABLE root (id int PRIMARY KEY, note text) PARTITION BY LIST (id);
     CREATE TABLE part PARTITION OF root DEFAULT; ALTER TABLE root OWNER TO found_owner",
    ),
    (
        "json, which a later server names without its schema",
        "CREATE TABLE note (id int PRIMARY KEY, body json);
     CREATE FUNCTION title(json) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1 ->> 't' $$;
     COMMENT ON FUNCTION title(json) IS 'its t'; CREATE VIEW titles AS SELECT id, title(body) FROM note",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_goes_there_and_back() {
    let ends = Ends::new();
    for (number, (what, sql)) in FOUND.into_iter().enumerate() {
        assert_eq!(ends.make("found", sql), Vec::<String>::new(), "{what}");
        fill::fill(&ends.old.connect("found").await, 10, 5).await;
        let outcome = journey(&ends, "found", number as u64 + 1).await;
        ends.forget("found");
        assert!(matches!(&outcome, Outcome::Equal(figures) if figures.rows > 0), "{what}: {outcome}");
    }
}
