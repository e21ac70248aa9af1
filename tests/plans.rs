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
