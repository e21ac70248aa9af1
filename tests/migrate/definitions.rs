//! Definitions are compared by their meaning, from PostgreSQL 15 to 17: what two servers print differently is the same, and
//! what they print alike may not be.

use infra::migrate::catalog;
use infra::migrate::rehearse::{self, Source, SourceDefinitions, arrives_otherwise};
use infra::migrate::schema::{Consequence, Loss, Phase, Schema, examine};
use infra::migrate::verify::{End, Options, Prints, Report, USES, read_objects, read_uses, verify};
use infra::postgres::{Client, Endpoint, connect};

use crate::corpus;
use crate::schema::Move;
use crate::servers::{SUPERUSER, Server};

async fn open(url: &str) -> Client {
    connect(&Endpoint::parse(url).unwrap(), "test").await.unwrap()
}

/// As the stage that reads the schema does it: how the target prints it, and what arrives as something else.
pub async fn rehearsed(moving: &Move, built: &Schema) -> (Prints, Vec<Loss>) {
    let target = Endpoint::parse(&moving.target.url_as(moving.user, "moved")).unwrap();
    let source = open(&moving.source.url("corpus")).await;
    let catalog = catalog::read(&source).await.unwrap();
    let mut facts = examine(&moving.at_target().await, &catalog).await.unwrap();
    let ends = Source { client: &source, catalog: &catalog };
    let (same, rehearsal) = rehearse::rehearsed(&ends, &target, &mut facts, |_| built.clone()).await.unwrap();
    assert_eq!(same.entries, built.entries, "nothing of it is refused");
    let (objects, uses) = (read_objects(&source).await.unwrap(), read_uses(&source).await.unwrap());
    arrives_otherwise(SourceDefinitions { objects, uses }, &rehearsal, (built, &catalog, moving.user))
}

async fn compared(moving: &Move, built: &Schema, prints: &Prints) -> Report {
    let end = |url: &str| End::new(Endpoint::parse(url).unwrap());
    let (source, target) = (end(&moving.source.url("corpus")), end(&moving.target.url_as(moving.user, "moved")));
    let (losses, prints) = (built.losses.clone(), prints.clone());
    let options = Options { losses, sequence_values: false, before_last: true, prints, ..Options::default() };
    verify(&source, &target, &options, |_| ()).await.unwrap()
}

fn faults(report: &Report) -> Vec<String> {
    report.faults().map(|fault| format!("{} {}", fault.object.kind, fault.object.name)).collect()
}

/// Moves these cases, and finds nothing different, in the rehearsal neither.
async fn equal(cases: &[&str], user: &'static str) -> (Move, Schema, Prints) {
    let moving = Move::of(cases, user);
    let (catalog, built) = moving.schema().await;
    let (prints, otherwise) = rehearsed(&moving, &built).await;
    assert_eq!(otherwise, []);
    let target = moving.at_target().await;
    moving.apply(&target, &built, Phase::BeforeData).await;
    moving.copy(&catalog).await;
    moving.apply(&target, &built, Phase::Settings).await;
    let report = compared(&moving, &built, &prints).await;
    assert!(report.matches(), "{}", report.markdown());
    (moving, built, prints)
}

#[tokio::test]
async fn what_was_typed_and_what_was_read_from_a_print_are_the_same() {
    for user in ["master", SUPERUSER] {
        let (moving, built, prints) = equal(&["definitions"], user).await;
        let by_text = compared(&moving, &built, &Prints::default()).await;
        let different = faults(&by_text);
        for object in [
            "CONSTRAINT public.ticket.ticket_state_check",
            "COLUMN public.ticket.closed",
            "COLUMN public.ticket.fresh",
            "COLUMN public.beat_22.at",
            "INDEX public.ticket_open",
            "VIEW public.letters",
            "TYPE public.size",
            "STATISTICS public.ticket_state",
            "POLICY public.ticket.open_only",
            "TRIGGER public.ticket.touched",
            "FUNCTION public.is_open(character varying)",
        ] {
            assert!(different.contains(&object.to_owned()), "{object} is printed alike: {different:#?}");
        }
        // From then on, each end against itself.
        let check = "CONSTRAINT public.ticket.ticket_state_check";
        moving.target.psql("moved", "ALTER TABLE ticket DROP CONSTRAINT ticket_state_check, ADD CONSTRAINT ticket_state_check CHECK (state IN ('open'))");
        assert_eq!(faults(&compared(&moving, &built, &prints).await), [check]);
        moving.source.psql("corpus", "ALTER TABLE ticket DROP CONSTRAINT ticket_state_check, ADD CONSTRAINT ticket_state_check CHECK (state IN ('open'))");
        assert_eq!(
            faults(&compared(&moving, &built, &prints).await),
            Vec::<String>::new(),
            "the same was done in both"
        );
        moving.source.psql("corpus", "ALTER POLICY open_only ON ticket USING (state NOT IN ('open', 'done'))");
        assert_eq!(faults(&compared(&moving, &built, &prints).await), ["POLICY public.ticket.open_only"]);
    }
}

#[tokio::test]
async fn an_operator_that_another_search_path_finds_is_another_meaning() {
    let server = Server::v17();
    let tables = "CREATE EXTENSION citext; CREATE TABLE person (id int PRIMARY KEY, mail citext, old_mail citext);
        ALTER TABLE person ENABLE ROW LEVEL SECURITY";
    let made = "CREATE VIEW public.moved AS SELECT id FROM public.person WHERE mail IS DISTINCT FROM old_mail;
        CREATE UNIQUE INDEX person_moved ON public.person (id) WHERE mail IS DISTINCT FROM old_mail;
        CREATE POLICY same_mail ON public.person USING (mail IS NOT DISTINCT FROM old_mail)";
    for (database, path) in [("one", "public"), ("two", "''")] {
        server.psql(SUPERUSER, &format!("CREATE DATABASE {database}"));
        server.psql(database, &format!("{tables}; SET search_path = {path}; {made}"));
    }
    let clients = (open(&server.url("one")).await, open(&server.url("two")).await);
    let (one, two) = (read_objects(&clients.0).await.unwrap(), read_objects(&clients.1).await.unwrap());
    let end = |name: &str| End::new(Endpoint::parse(&server.url(name)).unwrap());
    // As if it had been rehearsed so: no print says that it is another.
    let options = Options { prints: Prints::new(&one, &two), ..Options::default() };
    let report = verify(&end("one"), &end("two"), &options, |_| ()).await.unwrap();
    let named: Vec<_> = report.faults().map(|fault| (fault.object.kind.as_str(), fault.object.name.as_str())).collect();
    let objects = ["INDEX public.person_moved", "POLICY public.person.same_mail", "VIEW public.moved"];
    assert_eq!(named, objects.map(|name| (USES, name)));
    for fault in report.faults() {
        assert_eq!(fault.source.as_deref(), Some("operator public.=(public.citext,public.citext)"));
    }
}

#[tokio::test]
async fn names_that_a_server_chooses_are_compared_by_what_they_stand_for() {
    for user in ["master", SUPERUSER] {
        let (moving, built, prints) = equal(&["partition_names"], user).await;
        let names = "SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint WHERE contype = 'f'";
        assert_ne!(moving.source.psql("corpus", names), moving.target.psql("moved", names), "they have other names");
        moving.target.psql("moved", "ALTER TABLE visit DROP CONSTRAINT visit_town_region_fkey, ADD CONSTRAINT visit_town_region_fkey FOREIGN KEY (town, region) REFERENCES town");
        let found = faults(&compared(&moving, &built, &prints).await);
        let of = "of visit_town_region_fkey at public.visit to public.town";
        let expected = [
            "public.visit.visit_town_region_fkey".to_owned(),
            format!("public.visit_1: {of}"),
            format!("public.visit_2: {of}"),
        ];
        assert_eq!(found, expected.map(|name| format!("CONSTRAINT {name}")), "what they do is compared");
    }
}

#[tokio::test]
async fn memberships_of_who_becomes_the_targets_user_are_told_and_not_compared() {
    for user in ["master", SUPERUSER] {
        let (moving, built, _) = equal(&["membership"], user).await;
        let told: Vec<_> = built.losses.iter().filter(|loss| loss.code.starts_with("membership")).collect();
        assert!(told.iter().all(|loss| loss.consequence == Consequence::Note), "{told:#?}");
        let expected: &[&str] = if user == SUPERUSER {
            &[]
        } else {
            &["MEMBERSHIP master in app_admin", "MEMBERSHIP postgres in app_admin", "MEMBERSHIP postgres in app_owner"]
        };
        assert_eq!(told.iter().map(|loss| loss.object.as_str()).collect::<Vec<_>>(), expected);
        let carried = "SELECT string_agg(format('%s in %s: %s %s', member::regrole, roleid::regrole, admin_option, inherit_option), ', '
                        ORDER BY member::regrole::text, roleid::regrole::text) FROM pg_auth_members
                        WHERE member::regrole::text IN ('clerk', 'app_owner', 'second_superuser', 'pg_monitor') AND roleid >= 16384
                           OR member::regrole::text = 'clerk'";
        let all = "app_owner in app_admin: t t, clerk in app_admin: f f, clerk in app_owner: f f, clerk in pg_monitor: f f, \
                   pg_monitor in watched: f t, second_superuser in app_owner: t t";
        assert_eq!(moving.target.psql("moved", carried), all);
    }
}

#[tokio::test]
async fn the_owner_of_public_may_create_there_as_before() {
    let (moving, _, _) = equal(&["owner_of_public"], "master").await;
    let sql = "SELECT has_schema_privilege('pg_database_owner', 'public', 'CREATE')";
    assert_eq!(moving.target.psql("moved", sql), "t");
    moving.target.psql_as("master", "moved", "CREATE TABLE later (id int)");
}

#[tokio::test]
async fn xml_money_and_types_with_dropped_attributes_have_equal_rows() {
    let (moving, built, prints) = equal(&["xml_declaration"], "master").await;
    let kept = "SELECT count(*) FROM letter WHERE doc::text LIKE '<?xml%'";
    assert_eq!((moving.source.psql("corpus", kept), moving.target.psql("moved", kept)), ("7".into(), "3".into()));
    for (change, column) in [
        ("doc = '<?xml version=\"1.0\" standalone=\"no\"?><a/>' WHERE id = 6", "doc"),
        ("doc = '<a b=\"2\"/>' WHERE id = 2", "doc"),
        ("price = '0.01' WHERE id = 3", "price"),
        ("kept.size = 0 WHERE id = 3", "kept"),
    ] {
        moving.target.psql("moved", &format!("CREATE TABLE saved AS TABLE letter; UPDATE letter SET {change}"));
        let report = compared(&moving, &built, &prints).await;
        let wrong: Vec<_> = report.tables.iter().filter(|table| !table.matches()).collect();
        assert_eq!(wrong.len(), 1, "{change}: {}", report.markdown());
        assert_eq!(wrong[0].differences[0].columns, [column], "{change}");
        moving.target.psql("moved", "TRUNCATE letter; INSERT INTO letter TABLE saved; DROP TABLE saved");
    }
}

/// Everything of the corpus means the same, whatever a server prints: nothing is told of it.
#[tokio::test]
async fn the_corpus_arrives_as_it_was() {
    for user in ["master", SUPERUSER] {
        let moving = Move::of(&corpus::PORTABLE, user);
        let (_, built) = moving.schema().await;
        assert_eq!(rehearsed(&moving, &built).await.1, []);
    }
}

#[tokio::test]
async fn rights_on_what_came_with_the_server_are_compared() {
    let (moving, built, prints) = equal(&["extension_rights"], SUPERUSER).await;
    moving.target.psql("moved", "GRANT EXECUTE ON FUNCTION pg_catalog.pg_reload_conf() TO teller");
    assert!(compared(&moving, &built, &prints).await.matches(), "what a provider gave stays its own");
    moving.target.psql("moved", "GRANT EXECUTE ON FUNCTION similarity(text, text) TO PUBLIC");
    let revoke = "REVOKE FUNCTION public.similarity(text,text) from PUBLIC: EXECUTE";
    let grant = "GRANT FUNCTION public.similarity(text,text) to teller: EXECUTE";
    assert!(faults(&compared(&moving, &built, &prints).await).contains(&revoke.to_owned()));
    // Who is no superuser may do neither, which is told before.
    let (moving, built, prints) = equal(&["extension_rights"], "master").await;
    let untold = Schema { losses: vec![], ..built };
    assert_eq!(faults(&compared(&moving, &untold, &prints).await), [grant, revoke]);
}

/// Columns that came to a parent after its children stay where they were.
#[tokio::test]
async fn inherited_columns_are_compared_with_their_places() {
    let (moving, built, prints) = equal(&["inherited"], "master").await;
    moving.target.psql("moved", "ALTER TABLE shape ADD later int, ADD last int");
    moving.source.psql("corpus", "ALTER TABLE shape ADD last int, ADD later int");
    let found = faults(&compared(&moving, &built, &prints).await);
    let columns = ["ball.last", "ball.later", "circle.last", "circle.later", "shape.last", "shape.later"];
    assert_eq!(found, columns.map(|column| format!("COLUMN public.{column}")));
}

/// Each of these changes is seen, and nothing else.
#[tokio::test]
async fn what_few_databases_have_is_compared_too() {
    let (moving, built, prints) = equal(&["rare"], SUPERUSER).await;
    moving.apply(&moving.at_target().await, &built, Phase::HandOver).await;
    assert_eq!(faults(&compared(&moving, &built, &prints).await), Vec::<String>::new());
    let changes: [(&str, &[&str]); 19] = [
        (
            "DROP OPERATOR ## (NONE, int)",
            &["OPERATOR public.## (NONE, integer)", "OWNER OPERATOR public.## (NONE, integer)"],
        ),
        ("ALTER OPERATOR ~~~~ (text, text) SET (RESTRICT = NONE)", &["OPERATOR public.~~~~ (text, text)"]),
        (
            "ALTER OPERATOR FAMILY backwards USING btree ADD FUNCTION 2 (int) btint4sortsupport(internal)",
            &["OPERATOR FAMILY public.backwards USING btree"],
        ),
        (
            "ALTER OPERATOR CLASS backwards USING btree OWNER TO someone",
            &["OWNER OPERATOR CLASS public.backwards USING btree"],
        ),
        (
            "DROP CAST (int AS level); CREATE CAST (int AS level) WITH FUNCTION level_of(int) AS IMPLICIT",
            &["CAST (integer AS public.level)"],
        ),
        ("DROP CAST (level AS text)", &["CAST (public.level AS text)"]),
        (
            "DROP COLLATION loose; CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false)",
            &["COLLATION public.loose"],
        ),
        ("DROP CONVERSION latin", &["CONVERSION public.latin", "OWNER CONVERSION public.latin"]),
        (
            "ALTER TEXT SEARCH CONFIGURATION spoken ALTER MAPPING FOR word WITH simple",
            &["TEXT SEARCH CONFIGURATION public.spoken"],
        ),
        ("ALTER TEXT SEARCH DICTIONARY words (ACCEPT = true)", &["TEXT SEARCH DICTIONARY public.words"]),
        ("ALTER STATISTICS n_and_m OWNER TO someone", &["OWNER STATISTICS public.n_and_m"]),
        ("ALTER SERVER far OPTIONS (SET host '192.0.2.2')", &["SERVER far"]),
        ("GRANT USAGE ON FOREIGN SERVER far TO someone", &["GRANT FOREIGN SERVER far to someone: USAGE"]),
        (
            "CREATE USER MAPPING FOR someone SERVER far OPTIONS (password 'a secret')",
            &["USER MAPPING someone SERVER far"],
        ),
        ("ALTER FOREIGN TABLE far_away OPTIONS (SET table_name 'other')", &["TABLE public.far_away"]),
        ("ALTER FOREIGN TABLE far_away ALTER id OPTIONS (SET column_name 'other')", &["COLUMN public.far_away.id"]),
        ("ALTER PUBLICATION few SET (publish = 'insert')", &["PUBLICATION few"]),
        ("ALTER TABLE temperature ALTER celsius SET (n_distinct = -0.1)", &["COLUMN public.temperature.celsius"]),
        (
            "DROP AGGREGATE total(int); CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', PARALLEL = SAFE)",
            &["FUNCTION public.total(integer)"],
        ),
    ];
    let mut seen = vec![];
    for (change, objects) in changes {
        moving.target.psql("moved", change);
        let report = compared(&moving, &built, &prints).await;
        assert!(!report.markdown().contains("a secret"));
        let now = faults(&report);
        let new: Vec<_> = now.iter().filter(|object| !seen.contains(*object)).cloned().collect();
        assert_eq!(new, objects, "{change}");
        seen = now;
    }
    assert_eq!(seen.len(), changes.iter().map(|(_, objects)| objects.len()).sum::<usize>());
}
