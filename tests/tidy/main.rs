//! Holds what docs/ARCHITECTURE.md calls invariants: which module may know what, and how files look. Each rule is a
//! function of a file's path and text; each has a test that shows it can fail.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too: what fails here fails the test")]

mod imports;
mod pages;
mod permissions;
mod rules;
mod source;

use std::path::{Path, PathBuf};

use rules::{Offence, Rule};
use source::Source;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files of the repository with one of these extensions, as paths from its root.
fn files(extensions: &[&str]) -> Vec<PathBuf> {
    let walk = ignore::WalkBuilder::new(repository()).hidden(false).filter_entry(|e| e.file_name() != ".git").build();
    let paths = walk.map(|entry| entry.unwrap().into_path()).filter(|path| path.is_file());
    let wanted = |path: &PathBuf| path.extension().is_some_and(|e| extensions.iter().any(|wanted| e == *wanted));
    paths.filter(wanted).map(|path| path.strip_prefix(repository()).unwrap().to_owned()).collect()
}

fn offences(rule: Rule, files: &[PathBuf]) -> Vec<Offence> {
    let read = |path: &PathBuf| Source::new(path, &std::fs::read_to_string(repository().join(path)).unwrap());
    files.iter().flat_map(|path| rule(&read(path))).collect()
}

fn holds(rule: Rule) {
    let files = files(&["rs"]);
    assert!(files.len() > 100, "the walk finds the sources");
    let offences = offences(rule, &files);
    assert!(offences.is_empty(), "\n{}", offences.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}

#[test]
fn deciding_modules_know_no_effects() {
    holds(rules::pure);
}

#[test]
fn working_modules_show_nothing() {
    holds(rules::shows_nothing);
}

#[test]
fn types_of_the_sdk_stop_at_cloud_and_of_ssh_at_host() {
    holds(rules::libraries_stay_home);
}

#[test]
fn every_file_says_what_it_is_for() {
    holds(rules::has_header);
}

#[test]
fn nothing_unwraps_outside_of_tests() {
    holds(rules::unwraps_in_tests_only);
}

#[test]
fn lints_are_expected_with_a_reason_never_allowed() {
    holds(rules::allows_nothing);
}

#[test]
fn files_stay_short() {
    holds(rules::is_short);
}

#[test]
fn nothing_is_left_for_later() {
    let files = files(&["rs", "sh", "toml", "yaml", "md"]);
    let offences = offences(rules::leaves_nothing, &files);
    assert!(offences.is_empty(), "\n{}", offences.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}
