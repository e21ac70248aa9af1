//! More tables than a server as it comes has locks for: rehearsed in batches, which leave no more behind than one transaction.

use infra::migrate::rehearse::{SourceDefinitions, arrives_otherwise, drop_scratch, scratch_name};
use infra::migrate::schema::{self, Phase};
use infra::migrate::verify::{End, Options, read_objects, read_uses, verify};
use infra::postgres::{Endpoint, connect};

use super::{Case, apply, loss};
use crate::servers::{SUPERUSER, Server};

const TABLES: &str = "
    CREATE ROLE app_owner; CREATE ROLE clerk LOGIN; CREATE ROLE there NOLOGIN; CREATE ROLE there_too;
    GRANT app_owner TO clerk; GRANT there TO there_too;
    CREATE TABLE root (at date NOT NULL, state varchar(9) CHECK (state IN ('open', 'done'))) PARTITION BY RANGE (at);
    SELECT format('CREATE TABLE t_%s (id int PRIMARY KEY, state varchar(9) CHECK (state IN (''open'', ''done'')), note text);
                   CREATE INDEX ON t_%1$s (note)', n) FROM generate_series(1, 2400) AS n \\gexec
    SELECT format('CREATE TABLE part_%s PARTITION OF root FOR VALUES FROM (%L) TO (%L)', n, '2020-01-01'::date + n, '2020-01-01'::date + n + 1)
      FROM generate_series(1, 600) AS n \\gexec
    CREATE INDEX ON root (state);
    INSERT INTO t_7 VALUES (1, 'open', 'x');
    CREATE VIEW seen AS SELECT id FROM t_1 WHERE state IN ('open', 'done');
    CREATE VIEW round AS SELECT 1 AS n; CREATE OR REPLACE VIEW round AS SELECT n FROM round;
    ALTER TABLE t_2 OWNER TO app_owner; GRANT SELECT ON t_3 TO clerk;
    CREATE FUNCTION ready() RETURNS text LANGUAGE sql AS 'SELECT 1::text';
    CREATE CAST (date AS boolean) WITH FUNCTION ready_of(date)";

#[tokio::test]
async fn thousands_of_tables_are_rehearsed_where_a_server_has_few_locks() {
    const FEW: [&str; 1] = ["max_locks_per_transaction=64"];
    let (source, target) = (Server::v15_with(&FEW), Server::rds_with(&FEW));
    let tables = TABLES.replace(
        "CREATE CAST",
        "CREATE FUNCTION ready_of(date) RETURNS boolean LANGUAGE sql AS 'SELECT true'; CREATE CAST",
    );
    let case = Case::between(source, target, &tables);
    case.target.psql(
        SUPERUSER,
        "CREATE ROLE there; CREATE ROLE there_too; GRANT there, there_too TO master WITH ADMIN OPTION",
    );
    let members = "SELECT string_agg(concat_ws(' ', roleid::regrole, member::regrole), ', ' ORDER BY roleid, member) FROM pg_auth_members";
    let before = case.target.psql("moved", members);
    let (built, rehearsal) = case.rehearse().await;
    assert!(built.losses.iter().all(|loss| loss.code != "not-rehearsed"), "{:#?}", built.losses);
    loss(&built, "cast", "CAST (date AS boolean)");
    assert_eq!(case.left_over(), "there\nthere_too");
    assert_eq!(case.target.psql("moved", members), before);

    // What differs in print alone is known to be the same.
    let old = connect(&Endpoint::parse(&case.source.url("moving")).unwrap(), "test").await.unwrap();
    let catalog = case.catalog().await;
    let (objects, uses) = (read_objects(&old).await.unwrap(), read_uses(&old).await.unwrap());
    let source = SourceDefinitions { objects, uses };
    let (prints, otherwise) = arrives_otherwise(source, &rehearsal, (&built, &catalog, "master"));
    assert_eq!(otherwise, []);
    let new = case.target.connect_as("master", "moved").await;
    apply(&new, built.entries.iter().filter(|entry| entry.phase <= Phase::BeforeData).collect()).await;
    case.copy().await;
    apply(&new, built.entries.iter().filter(|entry| entry.phase > Phase::BeforeData).collect()).await;
    let end = |url: &str| End::new(Endpoint::parse(url).unwrap());
    let options = Options { losses: built.losses.clone(), prints, ..Options::default() };
    let (from, to) = (end(&case.source.url("moving")), end(&case.target.url_as("master", "moved")));
    let report = verify(&from, &to, &options, |_| ()).await.unwrap();
    assert!(report.matches() && report.rows() == 1, "{}", report.markdown());
    assert!(report.tables.len() == 3000, "{}", report.tables.len());
}

/// A run that was killed leaves them to the next, and to abort.
#[tokio::test]
async fn roles_of_a_killed_rehearsal_are_known_by_their_remark() {
    let case = Case::of("CREATE ROLE clerk; CREATE TABLE t (id int)");
    let (built, _) = case.rehearse().await;
    let scratch = scratch_name("moved");
    let create = built.entries.iter().find(|entry| entry.kind == "ROLE" && entry.name == "clerk").unwrap();
    let killed = schema::remarked(&create.statements[0], "clerk", &scratch);
    case.target.psql_as(
        "master",
        "moved",
        &format!("{killed}; CREATE ROLE other; COMMENT ON ROLE other IS 'of somebody'"),
    );
    // One that was there before gets no remark.
    case.target.psql_as(
        "master",
        "moved",
        &schema::remarked(&create.statements[0].replace("clerk", "other"), "other", &scratch),
    );
    case.target.psql_as("master", SUPERUSER, &format!("CREATE DATABASE {scratch}"));
    let owned = "GRANT clerk TO master; GRANT CREATE ON SCHEMA public TO clerk; CREATE TABLE t (); ALTER TABLE t OWNER TO clerk";
    case.target.psql_as("master", &scratch, owned);
    let target = connect(&case.endpoint(), "test").await.unwrap();
    drop_scratch(&target).await.unwrap();
    assert_eq!(case.left_over(), "other");
    drop_scratch(&target).await.unwrap();
}
