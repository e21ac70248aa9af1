//! Scripts for the host, as data. A script is POSIX sh from `scripts/`, preceded by its parameters as quoted
//! assignments. It travels through standard input, so neither the script nor its parameters show in a process list.

use std::fmt::Write as _;

/// A named script with its parameters set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    name: &'static str,
    parameters: String,
    body: &'static str,
}

/// Functions that every script may use.
const PRELUDE: &str = include_str!("scripts/prelude.sh");

impl Script {
    /// `name` is what error messages call the operation.
    pub fn new(name: &'static str, body: &'static str) -> Self {
        Self { name, parameters: String::new(), body }
    }

    /// Sets one parameter; in the script it is `$name`.
    pub fn set(mut self, name: &str, value: impl AsRef<str>) -> Self {
        writeln!(self.parameters, "{name}={}", quote(value.as_ref())).expect("writing to a string cannot fail");
        self
    }

    /// Sets a parameter that holds one item a line.
    pub fn list<T: AsRef<str>>(self, name: &str, items: impl IntoIterator<Item = T>) -> Self {
        let items: Vec<String> = items.into_iter().map(|item| item.as_ref().to_owned()).collect();
        self.set(name, items.join("\n"))
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The whole text, as the host's sh reads it.
    pub fn text(&self) -> String {
        format!("set -eu\n{PRELUDE}\n{}{}\n", self.parameters, self.body)
    }

    /// The command line that reads this script, and nothing more, from its standard input and runs it as root; what
    /// follows the script in the stream is left for the script to read. `head -c` takes exactly the bytes it is told.
    pub fn command(&self, user: &str) -> String {
        let reader = format!("sh -c 'eval \"$(head -c {})\"'", self.text().len());
        if user == "root" { reader } else { format!("sudo -n {reader}") }
    }
}

/// Quotes a value for a POSIX shell.
pub fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_survive_any_content() {
        let nasty = "a'b \"c\" $(rm) `x` \\ \n end";
        let script = Script::new("test", "printf %s \"$value\"").set("value", nasty);
        let output = std::process::Command::new("sh").args(["-c", &script.text()]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), nasty);
    }

    #[test]
    fn the_script_takes_no_byte_of_the_data_behind_it() {
        use std::io::Write as _;
        let script = Script::new("test", "cat");
        let mut child = std::process::Command::new("sh")
            .args(["-c", &script.command("root")])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let payload = vec![b'x'; 200_000];
        let mut stdin = child.stdin.take().unwrap();
        let text = script.text();
        let sent = payload.clone();
        let writer = std::thread::spawn(move || {
            stdin.write_all(text.as_bytes()).unwrap();
            stdin.write_all(&sent).unwrap();
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert_eq!(output.stdout, payload);
    }

    #[test]
    fn every_script_is_posix_sh() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/host/scripts");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let output = std::process::Command::new("sh").arg("-n").arg(&path).output().unwrap();
            assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
        }
    }

    #[test]
    fn only_a_constant_shows_in_the_process_list() {
        let script = Script::new("test", "true").set("password", "hunter2");
        assert!(!script.command("ubuntu").contains("hunter2"));
        assert!(script.command("ubuntu").starts_with("sudo -n sh -c "));
    }
}
