//! Rights on what is others', and event triggers: told before, and without a trace of infra.

use infra::migrate::assessment::{Ends, assess};
use infra::migrate::carried::{self, guide, loosen, release, tighten};
use infra::migrate::catalog;
use infra::migrate::identity::{give, give_to_new, take_back};
use infra::migrate::preflight::{Capacity, gather};
use infra::migrate::replicate::{Channel, make_heartbeat};
use infra::migrate::saga::Mode;
use infra::migrate::schema::Consequence;
use infra::migrate::unseen::unseen;
use infra::postgres::{Endpoint, connect};

use super::{Case, loss};
use crate::servers::{SUPERUSER, Server};

#[tokio::test]
async fn rights_on_what_an_extension_made_are_told_and_repetitions_are_not() {
    let case = Case::of(include_str!("../cases/extension_rights.sql"));
    let (schema, _) = case.rehearse().await;
    let lost = loss(&schema, "rights-of-others", "FUNCTION public.similarity(text, text)");
    assert!(lost.what.contains("GRANT EXECUTE TO teller, REVOKE EXECUTE FROM PUBLIC"), "{lost:?}");
    assert_eq!(lost.consequence, Consequence::Consent);
    let repeated = schema.losses.iter().find(|loss| loss.object.contains("gen_random_uuid"));
    assert!(repeated.is_none(), "everybody may: {repeated:?}");
    case.move_all(&schema).await;
}

/// What RDS refuses by rule, before there is a server: all of it at once.
#[tokio::test]
async fn without_a_target_the_rules_tell() {
    let source = Server::v15();
    source.psql(SUPERUSER, "CREATE DATABASE moving TEMPLATE template0");
    for sql in [
        include_str!("../cases/refused_by_rds.sql"),
        include_str!("../cases/placeholders.sql"),
        "CREATE VIEW round AS SELECT * FROM t; CREATE OR REPLACE VIEW round AS SELECT * FROM round",
    ] {
        source.psql("moving", &sql.replace(":DBNAME", "moving"));
    }
    let url = source.url("moving");
    let ends = Ends {
        dump: source.tool("pg_dump", &[&url]),
        source: Endpoint::parse(&url).unwrap(),
        target: None,
        made: infra::migrate::preflight::Made::Managed,
        mode: Mode::Offline,
        capacity: Capacity { connections: 2, ..Capacity::default() },
    };
    let seen = assess(&ends).await.unwrap();
    for code in [
        "transform",
        "shell-type",
        "function-language",
        "function-leakproof",
        "aggregate-internal",
        "rights-of-others",
        "setting-refused",
        "function-setting",
        "view-of-itself",
    ] {
        assert!(seen.losses.iter().any(|loss| loss.code == code), "{code}: {:#?}", seen.losses);
    }
    let rights: Vec<_> =
        seen.losses.iter().filter(|loss| loss.code == "rights-of-others").map(|loss| &loss.object).collect();
    assert!(
        rights.len() == 1 && rights[0].contains("pg_ls_waldir"),
        "a superuser may read pg_authid anyway: {rights:?}"
    );
}

#[tokio::test]
async fn what_infra_makes_for_itself_is_in_nobodys_log() {
    let server = Server::v15();
    server.psql(SUPERUSER, "CREATE DATABASE moving TEMPLATE template0");
    let refusing = "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
          IF current_user <> 'deployer' THEN RAISE EXCEPTION 'only deployer changes the schema'; END IF; END $$;
        CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION refuse();
        CREATE EVENT TRIGGER refuse_drop ON sql_drop EXECUTE FUNCTION refuse()";
    server.psql("moving", &format!("{};{refusing}", include_str!("../cases/ddl_log.sql")));
    let open = async || connect(&Endpoint::parse(&server.url("moving")).unwrap(), "test").await.unwrap();
    make_heartbeat(&open().await).await.unwrap_err();
    let old = open().await;
    unseen(&old).await.unwrap();
    make_heartbeat(&old).await.unwrap();
    let channel = Channel { name: "infra_forward", publisher: &old, subscriber: &old };
    channel.publish(None).await.unwrap();
    old.run("cleaning", "DROP PUBLICATION infra_forward; DROP SCHEMA infra_migration CASCADE").await.unwrap();
    // All that follows until the end, in one session: it stays out of them to the last.
    server.psql("moving", "SET session_replication_role = replica; CREATE TABLE keyless (a int); CREATE TABLE parent (id int PRIMARY KEY);
        CREATE UNLOGGED TABLE raw (parent int REFERENCES parent); CREATE FUNCTION fits(a int) RETURNS bool LANGUAGE sql AS 'SELECT a > 0';
        ALTER TABLE keyless ADD CHECK (fits(a))");
    make_heartbeat(&old).await.unwrap();
    give(&old, None).await.unwrap();
    assert!(give_to_new(&old).await.unwrap());
    let catalog = catalog::read(&old).await.unwrap();
    loosen(&old, &carried::with_roots(&catalog)).await.unwrap();
    guide(&old, &catalog).await.unwrap();
    release(&old).await.unwrap();
    tighten(&old).await.unwrap();
    take_back(&old).await.unwrap();
    old.run("cleaning", "DROP SCHEMA infra_migration CASCADE").await.unwrap();
    assert_eq!(server.psql("moving", "SELECT count(*) FROM ddl_log WHERE what ~ 'infra|raw|keyless|fits'"), "0");
    assert_eq!(gather(&open().await).await.unwrap().firing_event_triggers, Vec::<String>::new());
    server.psql("moving", "ALTER EVENT TRIGGER log_ddl ENABLE ALWAYS");
    assert_eq!(gather(&open().await).await.unwrap().firing_event_triggers, ["log_ddl"]);
}
