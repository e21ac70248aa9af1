//! The database's container, for the agent, which runs on its host: commands in it, and what the host sees of it. Only for a
//! process on the host itself; over SSH the scripts of [`Session`](super::Session) ask.

use std::fs::File;
use std::io;
use std::process::Output;

use tokio::process::Command;

use super::database::DatabaseContainer;

impl DatabaseContainer {
    /// The argv that runs these words in it, with the caller's standard input.
    pub fn exec_argv(&self, words: &[&str]) -> Vec<String> {
        let exec = ["docker", "exec", "--interactive", &self.id];
        exec.iter().chain(words).map(|word| (*word).to_owned()).collect()
    }

    /// Runs these words in it, with a file as their standard input.
    pub async fn exec_with(&self, words: &[&str], input: File) -> io::Result<Output> {
        let argv = self.exec_argv(words);
        Command::new(&argv[0]).args(&argv[1..]).stdin(input).output().await
    }

    /// A path in it, as the host sees it. Leads nowhere where the container does not run.
    pub async fn path_on_host(&self, path: &str) -> String {
        let mut inspect = Command::new("docker");
        inspect.args(["inspect", "--format", "{{.State.Pid}}", &self.id]);
        let process = inspect.output().await.map(|output| output.stdout).unwrap_or_default();
        format!("/proc/{}/root{path}", String::from_utf8_lossy(&process).trim())
    }

    /// Bytes that are free on the disk under a path in it. None: it cannot be seen.
    pub async fn free_bytes(&self, path: &str) -> io::Result<Option<u64>> {
        let mut df = Command::new("docker");
        df.args(["exec", &self.id, "df", "-Pk", path]);
        Ok(free_of(&String::from_utf8_lossy(&df.output().await?.stdout)))
    }
}

/// POSIX's form: a line of heads, then device, total, used and free, in kilobytes.
fn free_of(text: &str) -> Option<u64> {
    let kilobytes: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_read_from_df() {
        let text = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sdb 1000 400 600 40% /data\n";
        assert_eq!(free_of(text), Some(600 << 10));
        assert_eq!(free_of("df: no such file"), None);
    }
}
