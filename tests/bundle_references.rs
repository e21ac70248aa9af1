//! References from a plan into its compose file.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too: what fails here fails the test")]

use infra::plan::{BundleFacts, ServiceFacts, check_bundle, parse};

fn facts() -> BundleFacts {
    let service = |has_build| ServiceFacts { has_build, image: None };
    BundleFacts {
        services: [("db", false), ("ingest", true), ("adapters", true)].map(|(n, b)| (n.to_owned(), service(b))).into(),
        variables: ["RETENTION_DAYS", "INFRA_DB_HOST"].map(str::to_owned).into(),
    }
}

fn codes(from: &str, to: &str) -> Vec<&'static str> {
    let text = include_str!("../plans/phase1.toml").replacen(from, to, 1);
    let checked = parse("plan.toml", text.as_bytes()).unwrap();
    check_bundle(&checked, &facts()).iter().map(|finding| finding.code).collect()
}

#[test]
fn clients_that_a_migration_could_not_lead_are_found() {
    let without = |clients: &str| {
        let text = include_str!("../plans/phase1.toml").replacen("clients = [\"ingest\"]", clients, 1);
        let facts = BundleFacts { variables: ["RETENTION_DAYS".to_owned()].into(), ..facts() };
        let checked = parse("plan.toml", text.as_bytes()).unwrap();
        check_bundle(&checked, &facts).iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(without("clients = [\"ingest\"]"), ["clients-stay"]);
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
}
