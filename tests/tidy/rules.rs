//! The rules. Each takes one file and tells what offends in it.

use std::fmt;

use super::imports::{Named, named};
use super::source::Source;

pub type Rule = fn(&Source) -> Vec<Offence>;

/// Everything left of the executor in DESIGN's picture.
const PURE: [&str; 10] = [
    "src/plan",
    "src/graph",
    "src/inventory",
    "src/diff",
    "src/steps",
    "src/cost",
    "src/watch/explain",
    "src/watch/forecast",
    "src/watch/report",
    "src/watch/rules",
];

/// What those must not name: the runtime, the SDK, the file system, the network, the environment, processes, clocks,
/// randomness, and the modules that have effects.
const EFFECTS: [&str; 19] = [
    "tokio",
    "aws_*",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::time::SystemTime",
    "std::time::Instant",
    "SystemTime::now",
    "Instant::now",
    "rand",
    "openssh",
    "rustix",
    "crate::cloud",
    "crate::executor",
    "crate::host",
    "crate::journal",
    "crate::stack",
    "crate::ui",
];

/// Addresses are data.
const ADDRESSES: [&str; 3] = ["std::net::IpAddr", "std::net::Ipv4Addr", "std::net::Ipv6Addr"];

/// Clocks by whatever path they are reached.
const CLOCKS: [&str; 3] = ["Timestamp::now", "Zoned::now", "Utc::now"];

/// They tell events; who shows them is not their concern.
const WORKING: [&str; 11] = [
    "src/executor",
    "src/cloud",
    "src/host",
    "src/journal",
    "src/stack",
    "src/postgres",
    "src/migrate",
    "src/agent",
    "src/backup",
    "src/watch/collect",
    "src/watch/ring",
];

/// After that a file is two ideas.
const MOST_LINES: usize = 500;

pub struct Offence {
    pub path: String,
    pub line: usize,
    pub what: String,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

fn offence(source: &Source, line: usize, what: impl Into<String>) -> Offence {
    Offence { path: source.path.display().to_string(), line, what: what.into() }
}

fn imports(source: &Source, forbidden: impl Fn(&Named) -> bool, what: &str) -> Vec<Offence> {
    let offending = named(source).into_iter().filter(forbidden);
    offending.map(|named| offence(source, named.line, format!("{} {what}", named.path))).collect()
}

pub fn pure(source: &Source) -> Vec<Offence> {
    if !source.is_in(&PURE) || source.is_test() {
        return vec![];
    }
    let effect = |named: &Named| {
        let address = ADDRESSES.iter().any(|path| named.is_below(path));
        let clock = CLOCKS.iter().any(|clock| named.path.ends_with(clock));
        clock || (!address && EFFECTS.iter().any(|path| named.is_below(path)))
    };
    imports(source, effect, "has no place in a module that only decides")
}

pub fn shows_nothing(source: &Source) -> Vec<Offence> {
    if !source.is_in(&WORKING) {
        return vec![];
    }
    let display = |named: &Named| named.is_below("crate::ui") || named.is_below("indicatif");
    imports(source, display, "belongs to what consumes events")
}

pub fn libraries_stay_home(source: &Source) -> Vec<Offence> {
    if !source.is_in(&["src"]) {
        return vec![];
    }
    let astray = |named: &Named| {
        let sdk = named.is_below("aws_*") && !source.is_in(&["src/cloud"]);
        let ssh = named.is_below("openssh") && !source.is_in(&["src/host"]);
        sdk || ssh
    };
    imports(source, astray, "is a type of a library that stops elsewhere")
}

pub fn has_header(source: &Source) -> Vec<Offence> {
    let starts = source.text.starts_with("//! ");
    if starts { vec![] } else { vec![offence(source, 1, "does not begin with `//!` and what it is for")] }
}

pub fn unwraps_in_tests_only(source: &Source) -> Vec<Offence> {
    if source.is_test() {
        return vec![];
    }
    let unwraps = source.lines().filter(|(_, line)| line.contains(".unwrap()"));
    unwraps.map(|(line, _)| offence(source, line, "unwrap: say with `expect` why it cannot fail")).collect()
}

pub fn allows_nothing(source: &Source) -> Vec<Offence> {
    let allows = source.lines().filter(|(_, line)| {
        let line = line.trim_start();
        line.starts_with("#[allow(")
            || line.starts_with("#![allow(")
            || (line.contains("cfg_attr") && line.contains("allow("))
    });
    allows.map(|(line, _)| offence(source, line, "allow: use #[expect(lint, reason = \"…\")]")).collect()
}

pub fn is_short(source: &Source) -> Vec<Offence> {
    let lines = source.text.lines().count();
    let long = lines > MOST_LINES;
    if long { vec![offence(source, lines, format!("{lines} lines: split it by idea"))] } else { vec![] }
}

pub fn leaves_nothing(source: &Source) -> Vec<Offence> {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let word = |line: &str, mark: &str| line.split(|c: char| !c.is_alphanumeric()).any(|word| word == mark);
    let left = source.text.lines().enumerate().filter(|(_, line)| marks.iter().any(|mark| word(line, mark)));
    left.map(|(index, _)| offence(source, index + 1, "something left for later: do it, or open an issue")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The lines that offend.
    fn found(rule: Rule, path: &str, text: &str) -> Vec<usize> {
        rule(&Source::new(Path::new(path), text)).iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn a_pure_module_with_an_effect_is_found() {
        for bad in [
            "use tokio::sync::Mutex;",
            "use std::{collections::BTreeMap, fs};",
            "let x = std::env::var(NAME);",
            "use std::net::TcpStream;",
            "let now = jiff::Timestamp::now();",
            "let now = Timestamp::now();",
            "use std::time::{Duration, Instant};",
            "use aws_sdk_lightsail::Client;",
            "use crate::executor::Policy;",
        ] {
            assert_eq!(found(pure, "src/diff/host.rs", bad), [1], "{bad}");
        }
        assert_eq!(found(pure, "src/plan.rs", "use std::fs;"), [1]);
        assert_eq!(found(pure, "src/watch/rules/judge.rs", "let now = Timestamp::now();"), [1]);
        assert!(found(pure, "src/watch/mod.rs", "use std::fs;").is_empty());
    }

    #[test]
    fn data_and_tests_do_not_make_a_module_impure() {
        let good = "use std::net::{IpAddr, Ipv4Addr};\nuse std::time::Duration;\nuse jiff::Timestamp;\n// tokio::main";
        assert!(found(pure, "src/diff/host.rs", good).is_empty());
        let tests = "#[cfg(test)]\nmod tests {\n    use std::fs;\n}";
        assert!(found(pure, "src/diff/host.rs", tests).is_empty());
        assert!(found(pure, "src/host/session.rs", "use std::fs;").is_empty());
    }

    #[test]
    fn a_working_module_that_shows_is_found() {
        assert_eq!(found(shows_nothing, "src/host/image/push.rs", "use indicatif::ProgressBar;"), [1]);
        assert_eq!(found(shows_nothing, "src/executor/run.rs", "\ncrate::ui::display(x)"), [2]);
        assert!(found(shows_nothing, "src/cli/up.rs", "use crate::ui;").is_empty());
    }

    #[test]
    fn a_library_astray_is_found() {
        assert_eq!(found(libraries_stay_home, "src/executor/cloud.rs", "use aws_config::Region;"), [1]);
        assert_eq!(found(libraries_stay_home, "src/cloud/api.rs", "use openssh::Session;"), [1]);
        assert!(found(libraries_stay_home, "src/host/session.rs", "use openssh::Session;").is_empty());
    }

    #[test]
    fn a_file_without_purpose_is_found() {
        assert_eq!(found(has_header, "src/x.rs", "use std::fs;"), [1]);
        assert!(found(has_header, "src/x.rs", "//! What it is for.").is_empty());
    }

    #[test]
    fn an_unwrap_outside_of_tests_is_found() {
        assert_eq!(found(unwraps_in_tests_only, "src/x.rs", "\nx.unwrap();"), [2]);
        assert_eq!(found(unwraps_in_tests_only, "tests/lab/src/x.rs", "x.unwrap();"), [1]);
        assert!(
            found(unwraps_in_tests_only, "src/x.rs", "#[cfg(test)]\nmod tests { fn a() { x.unwrap(); } }").is_empty()
        );
        assert!(found(unwraps_in_tests_only, "tests/x.rs", "x.unwrap();").is_empty());
    }

    #[test]
    fn an_allow_is_found() {
        assert_eq!(found(allows_nothing, "src/x.rs", "#[allow(dead_code)]"), [1]);
        assert_eq!(found(allows_nothing, "src/x.rs", "#![allow(unused)]"), [1]);
        assert!(found(allows_nothing, "src/x.rs", "#[expect(dead_code, reason = \"x\")]").is_empty());
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(found(is_short, "src/x.rs", &"x\n".repeat(MOST_LINES + 1)), [MOST_LINES + 1]);
        assert!(found(is_short, "src/x.rs", &"x\n".repeat(MOST_LINES)).is_empty());
    }

    #[test]
    fn what_is_left_for_later_is_found() {
        assert_eq!(found(leaves_nothing, "src/x.rs", concat!("x\n// TO", "DO: y")), [2]);
        assert_eq!(found(leaves_nothing, "README.md", concat!("FIX", "ME")), [1]);
    }
}
