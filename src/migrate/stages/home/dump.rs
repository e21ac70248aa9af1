//! pg_dump of the new database, by the old server's own: its container is the one on this host that has a pg_dump, and takes the
//! new server's password from its environment, which no list of processes shows.

use crate::host::{DatabaseContainer, quote};
use crate::migrate::files;
use crate::migrate::folder::{Folder, FolderError};
use crate::postgres::Endpoint;

/// Reads the assignments, and becomes the command that follows them.
const ENTER: &str = ". \"$0\"; exec \"$@\"";

/// `there` as the container sees it.
pub fn write(folder: &Folder, there: &Endpoint) -> Result<(), FolderError> {
    let lines = there.environment().into_iter().map(|(name, value)| format!("export {name}={}\n", quote(&value)));
    folder.write_text(files::DUMP_ENVIRONMENT, &lines.collect::<String>())
}

/// All of pg_dump's command but for what it is to dump of the database.
pub fn pg_dump(container: &DatabaseContainer, folder: &Folder, there: &Endpoint) -> Vec<String> {
    let file = folder.file(files::DUMP_ENVIRONMENT).to_string_lossy().into_owned();
    let names = there.environment().into_iter().flat_map(|(name, _)| ["--env", name]);
    let words = ["sh", "-euc", ENTER, &file, "docker", "exec", "--interactive"];
    words.into_iter().chain(names).chain([container.id.as_str(), "pg_dump"]).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::Secret;

    #[test]
    fn the_password_is_in_no_argument_and_reaches_the_command() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path());
        let there = Endpoint::parse("postgres://u@h/d?sslmode=disable").unwrap();
        let there = Endpoint { password: Secret::new("it's $planted"), ..there };
        write(&folder, &there).unwrap();
        let (id, address) = ("c0ffee".to_owned(), String::new());
        let container = DatabaseContainer { id, address, user: "postgres".into(), password: String::new().into() };
        let command = pg_dump(&container, &folder, &there);
        assert!(!command.iter().any(|word| word.contains("planted")), "{command:?}");
        assert_eq!(command.last().unwrap(), "pg_dump");
        let mut run = std::process::Command::new(&command[0]);
        let output = run.args(&command[1..4]).args(["sh", "-c", "printf '%s %s' \"$PGUSER\" \"$PGPASSWORD\""]).output();
        assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), "u it's $planted");
    }
}
