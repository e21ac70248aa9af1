//! The paths that a source names: those of its `use` lines one by one, and those that stand in its code.

use super::source::Source;

/// A path with `::` between its parts, and its line.
pub struct Named {
    pub path: String,
    pub line: usize,
}

impl Named {
    /// The path is this one or below it; a last `*` stands for the rest of a name.
    pub fn is_below(&self, prefix: &str) -> bool {
        match prefix.strip_suffix('*') {
            Some(start) => self.path.starts_with(start),
            None => self.path == prefix || self.path.starts_with(&format!("{prefix}::")),
        }
    }
}

pub fn named(source: &Source) -> Vec<Named> {
    let mut all = vec![];
    let mut line = 1;
    let mut rest = source.code.as_str();
    while let Some(at) = next_word(rest, "use") {
        let (before, from) = rest.split_at(at);
        in_code(before, &mut line, &mut all);
        let (statement, after) = from.split_at(from.find(';').unwrap_or(from.len()));
        let mut paths = vec![];
        expand("", &statement["use".len()..], &mut paths);
        all.extend(paths.into_iter().map(|path| Named { path, line }));
        line += statement.matches('\n').count();
        rest = after;
    }
    in_code(rest, &mut line, &mut all);
    all
}

fn next_word(text: &str, word: &str) -> Option<usize> {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = text[..*at].chars().last().is_some_and(part_of_name);
        let after = text[at + word.len()..].chars().next().is_some_and(part_of_name);
        !before && !after
    })
}

/// `a::{b, c::d}` is `a::b` and `a::c::d`; `a::{self, b as c}` is `a` and `a::b`.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    if let Some(open) = tree.find('{') {
        let prefix = format!("{prefix}{}", tree[..open].trim());
        for part in branches(&tree[open + 1..]) {
            expand(&prefix, part, paths);
        }
        return;
    }
    let name = tree.split(" as ").next().unwrap_or_default().trim();
    let path = format!("{prefix}{name}");
    let path = path.strip_suffix("::self").unwrap_or(&path);
    if !name.is_empty() {
        paths.push(path.trim_start_matches("::").to_owned());
    }
}

/// Splits at the commas that are in no inner brace, up to the brace that closes the whole.
fn branches(whole: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let mut parts = vec![];
    let mut start = 0;
    for (at, c) in whole.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&whole[start..at]);
                return parts;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&whole[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&whole[start..]);
    parts
}

/// `std::env::var` in `let x = std::env::var(…)`. Counts the lines.
fn in_code(code: &str, line: &mut usize, all: &mut Vec<Named>) {
    for text in code.split_inclusive('\n') {
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
        let paths = words.map(|word| word.trim_matches(':')).filter(|word| word.contains("::"));
        all.extend(paths.map(|path| Named { path: path.to_owned(), line: *line }));
        *line += usize::from(text.ends_with('\n'));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn paths(text: &str) -> Vec<String> {
        named(&Source::new(Path::new("src/x.rs"), text)).into_iter().map(|n| n.path).collect()
    }

    #[test]
    fn use_lines_are_taken_apart() {
        let text = "use std::{\n    fs::{self, File},\n    net::IpAddr as Ip,\n};\npub use crate::a;";
        assert!(
            ["std::fs", "std::fs::File", "std::net::IpAddr", "crate::a"]
                .iter()
                .all(|p| paths(text).contains(&(*p).into()))
        );
    }

    #[test]
    fn paths_in_code_count_and_those_in_texts_do_not() {
        assert_eq!(paths("let x = std::env::var(\"std::fs::y\"); // tokio::z"), ["std::env::var"]);
    }

    #[test]
    fn a_prefix_ends_at_a_name() {
        let is_below = |path: &str, prefix| Named { path: path.into(), line: 1 }.is_below(prefix);
        assert!(is_below("std::fs::read", "std::fs") && is_below("aws_sdk_x::Client", "aws_*"));
        assert!(!is_below("std::fsx", "std::fs"));
    }
}
