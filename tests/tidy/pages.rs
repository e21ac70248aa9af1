//! The pages of docs: a page a verb that names every flag, and links that lead somewhere.

use std::path::Path;

use clap::CommandFactory;

use super::{files, repository};

fn verbs() -> Vec<clap::Command> {
    infra::cli::Cli::command().get_subcommands().cloned().collect()
}

/// What a verb's page does not tell of its flags and arguments.
fn missing(verb: &clap::Command, page: &str) -> Vec<String> {
    let arguments = verb.get_arguments().filter(|argument| argument.get_id() != "help");
    let names = arguments.map(|argument| match argument.get_long() {
        Some(long) => format!("--{long}"),
        None => argument.get_id().as_str().to_uppercase(),
    });
    names.filter(|name| !page.contains(name.as_str())).collect()
}

/// The targets of links in a page that are neither there nor on the web.
fn dead_links(from: &Path, page: &str) -> Vec<String> {
    let targets = page.match_indices("](").filter_map(|(at, _)| page[at + 2..].split(')').next());
    let local = targets.filter(|t| !t.contains("://") && !t.starts_with('#') && !t.starts_with("mailto:"));
    let file = |target: &str| from.parent().unwrap_or(from).join(target.split('#').next().unwrap_or(target));
    local.filter(|target| !file(target).exists()).map(str::to_owned).collect()
}

#[test]
fn every_verb_has_a_page_that_names_each_flag() {
    for verb in verbs() {
        let path = repository().join("docs/verbs").join(format!("{}.md", verb.get_name()));
        let page = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(page.starts_with(&format!("# infra {}\n", verb.get_name())), "{} has its title", path.display());
        assert_eq!(missing(&verb, &page), [] as [String; 0], "{}", path.display());
    }
}

#[test]
fn links_lead_somewhere() {
    for path in files(&["md"]) {
        let absolute = repository().join(&path);
        let dead = dead_links(&absolute, &std::fs::read_to_string(&absolute).unwrap());
        assert_eq!(dead, [] as [String; 0], "{}", path.display());
    }
}

#[test]
fn a_flag_that_is_not_told_and_a_dead_link_are_found() {
    let verb = clap::Command::new("x").arg(clap::Arg::new("fast").long("fast")).arg(clap::Arg::new("plan"));
    assert_eq!(missing(&verb, "usage: infra x PLAN"), ["--fast"]);
    assert_eq!(missing(&verb, "`--fast`"), ["PLAN"]);
    let page = "[a](README.md) [b](nowhere.md#x) [c](https://example.com) [d](#here)";
    assert_eq!(dead_links(&repository().join("README.md"), page), ["nowhere.md#x"]);
}
