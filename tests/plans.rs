//! Every plan that the repository ships is valid, and its schema is the one that is committed.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too: what fails here fails the test")]

use std::path::{Path, PathBuf};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shipped() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository().join("plans")).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "toml")).collect()
}

#[test]
fn every_shipped_plan_is_valid() {
    assert!(!shipped().is_empty());
    for path in shipped() {
        let bytes = std::fs::read(&path).unwrap();
        let checked = infra::plan::parse(&path.display().to_string(), &bytes);
        let checked = checked.unwrap_or_else(|findings| panic!("{}", findings.render(false, 100)));
        assert!(checked.warnings().is_empty(), "{}", checked.warnings().render(false, 100));
    }
}

/// What `plan` says of the compose file that a shipped plan names: nothing.
#[test]
fn every_shipped_plan_fits_its_bundle() {
    for path in shipped() {
        let checked = infra::plan::parse(&path.display().to_string(), &std::fs::read(&path).unwrap()).unwrap();
        let folder = path.parent().unwrap().join(&checked.plan().bundle.as_ref().unwrap().source);
        let compose = infra::plan::ComposeFile::parse(
            "compose.yaml",
            &std::fs::read_to_string(folder.join("compose.yaml")).unwrap(),
        )
        .unwrap();
        let presence = |path: &str| {
            if folder.join(path).exists() { infra::plan::Presence::Sent } else { infra::plan::Presence::Absent }
        };
        let findings = infra::plan::check_bundle(&checked, &compose, &presence);
        assert_eq!(findings.iter().count(), 0, "{}", findings.render(false, 100));
        assert!(compose.leads_clients(), "{}", path.display());
    }
}

/// What a shipped plan says and nobody acts on yet is said, and nothing else is.
#[test]
fn shipped_plans_say_what_is_not_built() {
    let bytes = std::fs::read(repository().join("plans/phase1.toml")).unwrap();
    let checked = infra::plan::parse("phase1.toml", &bytes).unwrap();
    let findings = infra::plan::check_built(&checked);
    let said: Vec<_> = findings.iter().map(|finding| (finding.code, &findings.text()[finding.span.clone()])).collect();
    let of_watching = ["\"disk.queue_depth\"", "all", "\"migrate\"", "\"disk.used_percent\"", "\"prune\""];
    assert_eq!(said, of_watching.into_iter().chain(["backup"]).map(|place| ("not-built", place)).collect::<Vec<_>>());
    assert!(!findings.has_errors());
}

/// Every key that nobody acts on is told; with it gone, nothing is.
#[test]
fn what_is_not_built_is_told_at_its_place() {
    let lightsail = "name = \"demo\"\nregion = \"us-east-1\"\n[hosts.box]\nprovider = \"lightsail\"\nsize = \"medium_3_0\"\n\
                     image = \"ubuntu_24_04\"\nports = [{ port = 22, from = [\"203.0.113.0/24\"] }]\n";
    let ec2 = lightsail.replace("lightsail", "ec2").replace("medium_3_0", "t3.medium");
    let threshold = |metric: &str| {
        format!(
            "[alerts]\nemail = [\"a@example.com\"]\n[[thresholds]]\nmetric = \"{metric}\"\nwarn = 80\nfor = \"15m\"\n"
        )
    };
    let ssh = "name = \"demo\"\n[hosts.box]\nprovider = \"ssh\"\naddress = \"box\"\n";
    let found = |plan: &str| {
        let checked =
            infra::plan::parse("plan.toml", plan.as_bytes()).unwrap_or_else(|f| panic!("{}", f.render(false, 100)));
        let findings = infra::plan::check_built(&checked);
        findings
            .iter()
            .map(|f| (f.severity, findings.text()[..f.span.start].matches('\n').count() + 1))
            .collect::<Vec<_>>()
    };
    use infra::plan::Severity::Warning;
    assert_eq!(found(lightsail), []);
    assert_eq!(found(&ec2), []);
    assert_eq!(found(&format!("{ec2}{}", threshold("cpu.percent"))), [(Warning, 11)], "alarms of EC2 are not built");
    assert_eq!(found(&format!("{lightsail}{}", threshold("cpu.percent"))), []);
    for metric in ["disk.queue_depth", "disk.used_percent", "memory.percent"] {
        assert_eq!(found(&format!("{lightsail}{}", threshold(metric))), [(Warning, 11)], "{metric}");
    }
    assert_eq!(found(&format!("{ssh}{}", threshold("cpu.percent"))), [(Warning, 8)]);
    let together = "[alerts]\nemail = [\"a@example.com\"]\n[[thresholds]]\nfor = \"15m\"\naction = \"resize\"\n\
                    any = [{ metric = \"cpu.percent\", warn = 80 }, { metric = \"memory.percent\", warn = 80 }]\n";
    assert_eq!(
        found(&format!("{lightsail}{together}")),
        [(Warning, 12), (Warning, 13)],
        "the action and the combination"
    );
    let told = threshold("cpu.percent") + "action = \"notify\"\n";
    assert_eq!(found(&format!("{lightsail}{told}")), [], "that is what alarms do");
    let backup = "[backup]\nto = \"/srv/backup\"\nfull = \"daily 02:00\"\nkeep = \"7d\"\n";
    assert_eq!(found(&format!("{lightsail}{backup}")), [(Warning, 8)]);
}

/// The table of A.I.M.S., for a server that exists already.
#[test]
fn the_thresholds_of_a_plan_without_a_cloud_can_be_said() {
    let plan = r#"
name = "aims"

[hosts.one]
provider = "ssh"
address = "root@192.0.2.10"

[bundle]
host = "one"
source = "bundle"

[alerts]
email = ["ops@example.com"]

[[thresholds]]
metric = "cpu.percent"
warn = 80
for = "5m"
action = "recommend"

[[thresholds]]
metric = "memory.percent"
warn = 85
for = "15m"
action = "evict"

[[thresholds]]
metric = "api.p95_ms"
warn = 1000
for = "10m"
action = "recommend"

[[thresholds]]
metric = "api.error_percent"
warn = 2
for = "5m"
action = "restart"

[[thresholds]]
metric = "disk.used_percent"
warn = 80
for = "1m"
action = "prune"

[[thresholds]]
metric = "plugs.count"
warn = 9
for = "1m"
action = "route"
"#;
    let checked =
        infra::plan::parse("aims.toml", plan.as_bytes()).unwrap_or_else(|f| panic!("{}", f.render(false, 100)));
    assert!(checked.warnings().is_empty(), "{}", checked.warnings().render(false, 100));
    assert_eq!(infra::watch::rules::rules_of(checked.plan()).len(), checked.plan().thresholds.len());
    assert_eq!(infra::plan::check_built(&checked).iter().count(), 2 * checked.plan().thresholds.len());
}

/// To accept a change of the format: `UPDATE_SCHEMA=1 cargo test --test plans`.
#[test]
fn the_committed_schema_is_current() {
    let path = repository().join("docs/plan.schema.json");
    let current = format!("{:#}\n", infra::plan::schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), current, "run with UPDATE_SCHEMA=1 to accept it");
}
