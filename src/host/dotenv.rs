//! The `.env` file of a release, written so that Compose reads back exactly the values that were given.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One `NAME=value` a line, in order of name.
pub fn render(variables: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        writeln!(text, "{name}={}", quote(value)).expect("writing to a string cannot fail");
    }
    text
}

/// Plain where nothing could be misread, single quotes (literal) where possible, else double quotes with escapes.
fn quote(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,@%+=".contains(c);
    if value.chars().all(plain) {
        value.to_owned()
    } else if !value.contains(['\'', '\\', '\n', '\r']) {
        format!("'{value}'")
    } else {
        let mut quoted = String::from("\"");
        for c in value.chars() {
            match c {
                '\n' => quoted.push_str("\\n"),
                '\r' => quoted.push_str("\\r"),
                '"' | '\\' | '$' => quoted.extend(['\\', c]),
                c => quoted.push(c),
            }
        }
        quoted.push('"');
        quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::script::Script;

    #[test]
    fn values_are_quoted_as_little_as_is_safe() {
        let variables = [("A", "30"), ("B", "with $dollar #hash"), ("C", "it's"), ("D", ""), ("E", "a\nb")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let text = render(&BTreeMap::from(variables));
        assert_eq!(text, "A=30\nB='with $dollar #hash'\nC=\"it's\"\nD=\nE=\"a\\nb\"\n");
    }

    #[test]
    fn the_hosts_own_script_writes_secrets_alike() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = folder.path().join("secrets");
        std::fs::create_dir(&secrets).unwrap();
        let printable: String = (' '..='~').collect();
        std::fs::write(secrets.join("A"), &printable).unwrap();
        let script = Script::new("test", include_str!("scripts/secrets.sh"))
            .set("STATE", folder.path().to_string_lossy())
            .list("NAMES", ["A", "B"]);
        let ended = std::process::Command::new("sh").args(["-c", &script.text()]).status().unwrap();
        assert!(ended.success());
        let read = |name: &str| std::fs::read_to_string(secrets.join(name)).unwrap();
        assert_eq!(read("A.env"), render(&[("A".to_owned(), printable)].into()));
        assert_eq!(read("B.env"), format!("B={}\n", read("B")));
    }
}
