//! References from a plan into its compose file.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too: what fails here fails the test")]

use infra::plan::{ComposeFile, Presence, check_bundle, parse};

const COMPOSE: &str = r#"
services:
  db: { image: db }
  ingest: { image: "i:${INFRA_TAG}", build: ., environment: [BARE, "DAYS=${RETENTION_DAYS:-30}", "HOST=${INFRA_DB_HOST:-db}"] }
  adapters: { image: "a:${INFRA_TAG}", build: . }
  shell: { image: shell, profiles: [tools] }
"#;

fn codes(from: &str, to: &str) -> Vec<&'static str> {
    found(from, to, Presence::Absent)
}

fn found(from: &str, to: &str, overrides: Presence) -> Vec<&'static str> {
    let text = include_str!("../plans/phase1.toml").replacen(from, to, 1);
    let checked = parse("plan.toml", text.as_bytes()).unwrap();
    let compose = ComposeFile::parse("compose.yaml", COMPOSE).unwrap();
    let presence = |path: &str| if path.contains("override") { overrides } else { Presence::Sent };
    check_bundle(&checked, &compose, &presence).iter().map(|finding| finding.code).collect()
}

#[test]
fn clients_that_a_migration_could_not_lead_are_found() {
    let without = |clients: &str| {
        let text = include_str!("../plans/phase1.toml").replacen("clients = [\"ingest\"]", clients, 1);
        let checked = parse("plan.toml", text.as_bytes()).unwrap();
        let compose = ComposeFile::parse("compose.yaml", &COMPOSE.replace("INFRA_DB_HOST", "DB_HOST")).unwrap();
        let findings = check_bundle(&checked, &compose, &|_| Presence::Absent);
        findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(without("clients = [\"ingest\"]"), ["clients-stay"]);
    let by_url =
        COMPOSE.replace("HOST=${INFRA_DB_HOST:-db}\"]", "X=1\"], env_file: [{ path: \"${INFRA_DATABASE}/url.env\" }]");
    assert!(ComposeFile::parse("compose.yaml", &by_url).unwrap().leads_clients());
    for environment in ["\"DATABASE_URL=x\"", "DATABASE_URL"] {
        let deaf = by_url.replace("\"X=1\"", environment);
        assert!(!ComposeFile::parse("compose.yaml", &deaf).unwrap().leads_clients(), "{environment}");
    }
    assert!(without("clients = []").is_empty() && without("").is_empty());
}

#[test]
fn the_shipped_plan_fits_its_bundle() {
    assert!(codes("", "").is_empty());
}

#[test]
fn every_dangling_reference_is_found() {
    assert_eq!(codes("\"ingest\", \"adapters\"", "\"ingst\", \"adapters\""), ["unknown-service"]);
    assert_eq!(codes("\"ingest\", \"adapters\"", "\"ingest\", \"db\""), ["no-build"]);
    assert_eq!(codes("service = \"db\"", "service = \"pg\""), ["unknown-service"]);
    assert_eq!(codes("clients = [\"ingest\"]", "clients = [\"api\"]"), ["unknown-service"]);
    assert_eq!(codes("RETENTION_DAYS", "RETENTION_DAY"), ["unused-variable"]);
    assert!(codes("RETENTION_DAYS", "BARE").is_empty(), "a bare name in `environment` takes it from there");
}

#[test]
fn profiles_are_known_and_what_the_plan_counts_on_is_started() {
    assert_eq!(codes("[bundle]", "[bundle]\nprofiles = [\"tool\"]"), ["unknown-profile"]);
    assert!(codes("[bundle]", "[bundle]\nprofiles = [\"tools\"]").is_empty());
    assert_eq!(codes("clients = [\"ingest\"]", "clients = [\"shell\"]"), ["inactive-service"]);
}

#[test]
fn a_file_that_compose_would_lay_over_is_refused_where_it_is_sent() {
    assert_eq!(found("", "", Presence::Sent), ["other-file"; 4]);
    assert!(found("", "", Presence::Ignored).is_empty());
}
